//! The tokenizer of `pali3-tiny`: T5's kind (unigram pieces, `▁` for a space, `</s>` at the end), with the words of
//! the scene questions as whole pieces, and letters, digits and punctuation for everything else.

use super::scene::MAX_OBJECTS;
use super::words::{Colour, Shape};
use serde_json::{Value, json};

/// Fills rows of a batch up; also starts the decoder. T5's number.
pub const PAD: u32 = 0;
/// Ends every text. T5's number.
pub const EOS: u32 = 1;
/// Stands for a character that no piece covers. T5's number.
pub const UNK: u32 = 2;
/// Pieces in all; a multiple of 64.
pub const VOCAB_SIZE: usize = 128;

/// Words of the questions besides the names of shapes, colours and numbers.
const WORDS: [&str; 30] = [
    "a",
    "an",
    "any",
    "anything",
    "are",
    "color",
    "colour",
    "count",
    "do",
    "does",
    "have",
    "here",
    "how",
    "is",
    "many",
    "no",
    "object",
    "objects",
    "of",
    "see",
    "shape",
    "shapes",
    "something",
    "the",
    "there",
    "thing",
    "things",
    "what",
    "which",
    "yes",
];
/// The only other one: "do you see …".
const YOU: &str = "you";

/// Every piece and its score (a log-probability): a whole word must beat its letters, and a letter must beat the
/// unknown piece, which the model scores 10 below the least of them.
fn pieces() -> Vec<(String, f64)> {
    let word = |w: &str| (format!("▁{w}"), -2.0);
    let mut pieces: Vec<(String, f64)> = ["<pad>", "</s>", "<unk>"]
        .map(|s| (s.to_string(), 0.0))
        .to_vec();
    pieces.push(("▁".to_string(), -3.0));
    pieces.extend(WORDS.into_iter().chain([YOU]).map(word));
    pieces.extend(Colour::ALL.iter().map(|c| word(c.name())));
    pieces.extend(
        Shape::ALL
            .iter()
            .flat_map(|s| [word(s.name()), word(s.plural())]),
    );
    pieces.extend((0..=MAX_OBJECTS).map(|n| word(&n.to_string())));
    pieces.extend(('a'..='z').chain('0'..='9').map(|c| (c.to_string(), -6.0)));
    pieces.extend(
        "!\"#$%&'()*+,-./:;<=>?@[\\]^_{|}~"
            .chars()
            .map(|c| (c.to_string(), -3.0)),
    );
    // The rest of the multiple of 64, as in T5: sentinels, counted down so that number 0 is the last piece.
    for n in (0..VOCAB_SIZE.saturating_sub(pieces.len())).rev() {
        pieces.push((format!("<extra_id_{n}>"), 0.0));
    }
    pieces
}

/// The contents of `tokenizer.json`.
pub fn tokenizer_json() -> Value {
    let pieces = pieces();
    let added = |id: usize, special: bool| {
        json!({
            "id": id, "content": pieces[id].0, "single_word": false,
            "lstrip": false, "rstrip": false, "normalized": false, "special": special,
        })
    };
    let is_added = |id: &usize| *id <= UNK as usize || pieces[*id].0.starts_with("<extra_id_");
    let metaspace = json!({ "type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": true });
    let eos = json!({ "SpecialToken": { "id": "</s>", "type_id": 0 } });
    let sequence = |name: &str| json!({ "Sequence": { "id": name, "type_id": 0 } });
    json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": (0..pieces.len()).filter(is_added).map(|id| added(id, true)).collect::<Vec<_>>(),
        // The questions are in lower case; people write capitals.
        "normalizer": { "type": "Sequence", "normalizers": [{ "type": "NFKC" }, { "type": "Lowercase" }] },
        "pre_tokenizer": { "type": "Sequence", "pretokenizers": [{ "type": "WhitespaceSplit" }, metaspace] },
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [sequence("A"), eos],
            "pair": [sequence("A"), eos, sequence("B"), eos],
            "special_tokens": { "</s>": { "id": "</s>", "ids": [EOS], "tokens": ["</s>"] } },
        },
        "decoder": metaspace,
        "model": { "type": "Unigram", "unk_id": UNK, "vocab": pieces, "byte_fallback": false },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenes::{Asked, Scene, Split};
    use std::str::FromStr;
    use tokenizers::Tokenizer;

    fn tokenizer() -> Tokenizer {
        Tokenizer::from_str(&tokenizer_json().to_string()).unwrap()
    }

    #[test]
    fn special_pieces_have_t5s_numbers_and_the_size_is_exact() {
        let tokenizer = tokenizer();
        assert_eq!(tokenizer.get_vocab_size(true), VOCAB_SIZE);
        assert_eq!(VOCAB_SIZE % 64, 0);
        for (piece, id) in [("<pad>", PAD), ("</s>", EOS), ("<unk>", UNK)] {
            assert_eq!(tokenizer.token_to_id(piece), Some(id));
        }
        assert_eq!(
            tokenizer.token_to_id("<extra_id_0>"),
            Some(VOCAB_SIZE as u32 - 1)
        );
    }

    #[test]
    fn questions_and_answers_are_whole_words() {
        let tokenizer = tokenizer();
        for index in 0..500 {
            let (scene, mut rng) = Scene::nth(Split::HeldOut, 1, index);
            for asked in Asked::several(&mut rng, &scene, Split::HeldOut, 4) {
                let encoding = tokenizer.encode(asked.text.as_str(), true).unwrap();
                let words = asked.text.split(' ').count();
                // The words, the mark at the end and `</s>`.
                assert_eq!(encoding.len(), words + 2, "{:?}", encoding.get_tokens());
                assert!(!encoding.get_ids().contains(&UNK), "{}", asked.text);
                let answer = tokenizer.encode(asked.answer, true).unwrap();
                assert_eq!(answer.len(), 2, "{:?}", answer.get_tokens());
                assert_eq!(
                    tokenizer.decode(answer.get_ids(), true).unwrap(),
                    asked.answer
                );
            }
        }
    }

    #[test]
    fn any_english_prompt_has_pieces() {
        let tokenizer = tokenizer();
        let ids = |text: &str| tokenizer.encode(text, true).unwrap().get_ids().to_vec();
        assert_eq!(
            ids("What COLOUR is the circle?"),
            ids("what colour is the  circle?")
        );
        let text = "Describe (quickly!) the 73 zebras' \"jumpy\" x/y-path @ 100% & more; a_b = [c] {d} <e> ~f | g^h\\i, #j + $k.";
        let encoded = ids(text);
        assert!(!encoded.contains(&UNK), "{encoded:?}");
        let decoded = tokenizer.decode(&encoded, true).unwrap();
        assert_eq!(decoded, text.to_lowercase());
        // What no piece covers is one unknown piece, and an empty prompt is the end alone.
        assert!(ids("漢").contains(&UNK));
        assert_eq!(ids(""), [EOS]);
    }
}
