//! Text to token ids and back, by the model folder's `tokenizer.json`.

mod charsmap;
mod padded;

pub use padded::PaddedTokenizer;

use crate::error::{Error, Result};
use tokenizers::{Model, ModelWrapper};

/// A tokenizer of the `tokenizers` library, giving what `transformers` gives for the same file:
/// neither truncation nor padding, whatever the file says about them.
#[derive(Debug, Clone)]
pub struct Tokenizer(tokenizers::Tokenizer);

impl Tokenizer {
    /// Reads the bytes of `tokenizer.json`; `file` is its name for the error.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when they are no tokenizer.
    pub fn from_bytes(file: &str, bytes: &[u8]) -> Result<Self> {
        charsmap::check(bytes).map_err(|problem| Error::corrupt(file, problem))?;
        let corrupt = |problem| Error::corrupt(file, problem);
        let mut tokenizer = tokenizers::Tokenizer::from_bytes(bytes).map_err(corrupt)?;
        tokenizer.with_padding(None);
        tokenizer.with_truncation(None).map_err(corrupt)?;
        Ok(Tokenizer(tokenizer))
    }

    /// Token ids of `prompt`, with the special tokens that the file adds: `</s>` at the end for T5.
    /// Text that no piece covers becomes `<unk>`.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when the tokenizer has no way to write a character of `prompt`.
    pub fn encode(&self, prompt: &str) -> Result<Vec<u32>> {
        let encoding = self.0.encode_fast(prompt, true);
        let encoding = encoding.map_err(|problem| Error::input("prompt", problem))?;
        Ok(encoding.get_ids().to_vec())
    }

    /// The text of `ids`; with `skip_special`, without `<pad>`, `</s>` and the like. Ids outside the vocabulary, which
    /// a model padded to a round size can produce, have no text.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when the tokenizer cannot join the pieces.
    pub fn decode(&self, ids: &[u32], skip_special: bool) -> Result<String> {
        let text = self.0.decode(ids, skip_special);
        text.map_err(|problem| Error::input("token ids", problem))
    }

    /// How many tokens there are, added ones included. The model's embedding may have more rows.
    pub fn vocab_size(&self) -> usize {
        self.0.get_vocab_size(true)
    }

    /// The largest id; `None` where there is no token.
    pub fn largest_id(&self) -> Option<u32> {
        let of_added = self.0.get_added_tokens_decoder().into_keys().max();
        let of_model = match self.0.get_model() {
            // Its ids are its pieces' places: there is no need for a copy of the vocabulary.
            ModelWrapper::Unigram(model) => (model.get_vocab_size() as u32).checked_sub(1),
            _ => self.0.get_vocab(false).into_values().max(),
        };
        of_added.max(of_model)
    }

    /// The id of a token by its exact spelling, such as `<extra_id_0>`.
    pub fn token_to_id(&self, token: &str) -> Option<u32> {
        self.0.token_to_id(token)
    }

    /// The spelling of a token.
    pub fn id_to_token(&self, id: u32) -> Option<String> {
        self.0.id_to_token(id)
    }

    /// The id of `<pad>`.
    pub fn pad_token_id(&self) -> Option<u32> {
        self.token_to_id("<pad>")
    }

    /// The id of `</s>`, which ends a text.
    pub fn eos_token_id(&self) -> Option<u32> {
        self.token_to_id("</s>")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_no_tokenizer_is_corrupt() {
        for bytes in [
            &b""[..],
            b"{",
            b"{}",
            br#"{"model": {"type": "Unigram", "vocab": 3}}"#,
        ] {
            let error = Tokenizer::from_bytes("tokenizer.json", bytes)
                .map_err(|e| (e.code(), e.to_string()));
            assert!(
                matches!(&error, Err(("Integrity", message)) if message.starts_with("tokenizer.json: ")),
                "{error:?}"
            );
        }
    }
}
