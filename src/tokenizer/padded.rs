//! Texts for a tower that was trained on one length.

use super::Tokenizer;
use crate::error::{Error, Result};
use tokenizers::{ModelWrapper, TruncationParams};

/// A SigLIP tokenizer. Which of the two kinds it is, the file's model tells: SigLIP 1 has a Unigram model and pads with
/// `</s>`, SigLIP 2 has Gemma's BPE and pads with `<pad>`.
#[derive(Debug, Clone)]
pub struct PaddedTokenizer {
    tokenizer: Tokenizer,
    without_punctuation: bool,
    length: usize,
    pad: u32,
}

impl Tokenizer {
    /// The tokenizer of a SigLIP text tower of that many positions; `file` is the name of its file for the error.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for a file without the token to pad with.
    pub fn padded(mut self, file: &str, length: usize) -> Result<PaddedTokenizer> {
        let unigram = matches!(self.0.get_model(), ModelWrapper::Unigram(_));
        let pad = if unigram { "</s>" } else { "<pad>" };
        let id = self.token_to_id(pad);
        let pad = id.ok_or_else(|| Error::corrupt(file, format!("has no {pad} to pad with")))?;
        let truncation = TruncationParams {
            max_length: length,
            ..Default::default()
        };
        let set = self.0.with_truncation(Some(truncation));
        set.map_err(|problem| Error::corrupt(file, problem))?;
        Ok(PaddedTokenizer {
            tokenizer: self,
            without_punctuation: unigram,
            length,
            pad,
        })
    }
}

impl PaddedTokenizer {
    /// As many ids as the tower has positions. What does not fit is cut off before the closing token.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when the tokenizer has no way to write a character of `text`.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>> {
        let text = match self.without_punctuation {
            true => canonical(text),
            false => text.to_lowercase(),
        };
        let mut ids = self.tokenizer.encode(&text)?;
        ids.resize(self.length, self.pad);
        Ok(ids)
    }
}

/// As transformers' `SiglipTokenizer` does it: lower case, no ASCII punctuation, single spaces between words.
fn canonical(text: &str) -> String {
    let lower = text.to_lowercase();
    let words: String = lower
        .chars()
        .filter(|c| !c.is_ascii_punctuation())
        .collect();
    // Python's white space has four control characters more than Unicode's.
    let space = |c: char| c.is_whitespace() || ('\x1c'..='\x1f').contains(&c);
    let words: Vec<&str> = words.split(space).filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_canonical() {
        for (text, expected) in [
            ("", ""),
            ("  A  Cat,\n(on a mat) ", "a cat on a mat"),
            ("N/A: it's 3.5!?", "na its 35"),
            ("ÉTÉ → 猫", "été → 猫"),
            ("tab\tand\u{a0}no-break", "tab and nobreak"),
        ] {
            assert_eq!(canonical(text), expected);
        }
    }

    /// A file with a BPE model, as SigLIP 2 has one.
    const BPE: &str = r#"{"version": "1.0", "added_tokens": [
        {"id": 0, "content": "<pad>", "special": true, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false},
        {"id": 1, "content": "<eos>", "special": true, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false}],
        "normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}, "pre_tokenizer": null,
        "post_processor": {"type": "TemplateProcessing", "single": [{"Sequence": {"id": "A", "type_id": 0}},
            {"SpecialToken": {"id": "<eos>", "type_id": 0}}], "pair": [],
            "special_tokens": {"<eos>": {"id": "<eos>", "ids": [1], "tokens": ["<eos>"]}}},
        "decoder": null, "model": {"type": "BPE", "vocab": {"<pad>": 0, "<eos>": 1, "a": 2, "b": 3, "!": 4, "▁": 5},
            "merges": []}}"#;

    #[test]
    fn gemmas_kind_keeps_punctuation_and_pads_with_its_own_token() {
        let tokenizer = Tokenizer::from_bytes("tokenizer.json", BPE.as_bytes()).unwrap();
        let tokenizer = tokenizer.padded("tokenizer.json", 6).unwrap();
        assert_eq!(tokenizer.encode("A b!").unwrap(), [2, 5, 3, 4, 1, 0]);
        assert_eq!(tokenizer.encode("").unwrap(), [1, 0, 0, 0, 0, 0]);
        assert_eq!(tokenizer.encode("abababab").unwrap(), [2, 3, 2, 3, 2, 1]);
    }

    #[test]
    fn a_file_without_the_padding_is_corrupt() {
        let file = BPE.replace("<pad>", "<hole>");
        let tokenizer = Tokenizer::from_bytes("tokenizer.json", file.as_bytes()).unwrap();
        let error = tokenizer.padded("tokenizer.json", 6).unwrap_err();
        assert_eq!(
            error.to_string(),
            "tokenizer.json: has no <pad> to pad with"
        );
    }
}
