//! `generation_config.json` of a model folder, as `transformers` writes it.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::table::{GenerationOptions, OPTIONS, Overrides};
use crate::error::{Error, Result};

/// Keys that change what is generated and are not implemented, each with the values that leave them off
/// (beside `null`). Any other key is either read below or has no influence on the result.
const MUST_BE_OFF: [(&str, &[f64]); 25] = [
    ("bad_words_ids", &[]),
    ("begin_suppress_tokens", &[]),
    ("constraints", &[]),
    ("diversity_penalty", &[0.0]),
    ("dola_layers", &[]),
    ("encoder_no_repeat_ngram_size", &[0.0]),
    ("encoder_repetition_penalty", &[1.0]),
    ("epsilon_cutoff", &[0.0]),
    ("eta_cutoff", &[0.0]),
    ("exponential_decay_length_penalty", &[]),
    ("force_words_ids", &[]),
    ("forced_bos_token_id", &[]),
    ("forced_eos_token_id", &[]),
    ("guidance_scale", &[1.0]),
    ("max_time", &[]),
    ("min_p", &[0.0]),
    ("num_beam_groups", &[1.0]),
    ("penalty_alpha", &[0.0]),
    ("renormalize_logits", &[]),
    ("sequence_bias", &[]),
    ("suppress_tokens", &[]),
    ("token_healing", &[]),
    ("top_h", &[]),
    ("typical_p", &[1.0]),
    ("watermarking_config", &[]),
];

impl GenerationOptions {
    /// `self` with the values of a `generation_config.json` in their place.
    ///
    /// `file` names it in errors, `bytes` is its content. `max_length` and `min_length` count the decoder's
    /// start token, as in `transformers`; the `*_new_tokens` keys win over them. Values are validated
    /// together with the caller's, in [`with`](Self::with).
    ///
    /// # Errors
    /// [`Error::Corrupt`] when it is not a JSON object; [`Error::UnsupportedModel`] for a value of the wrong type
    /// or one that asks for something this crate does not do.
    pub fn from_json(mut self, file: &str, bytes: &[u8]) -> Result<Self> {
        let fields: Map<String, Value> =
            serde_json::from_slice(bytes).map_err(|e| Error::corrupt(file, e))?;
        let reader = Reader { file, fields };
        reader.check_unsupported()?;
        if let Some(length) = reader.get::<usize>("max_length", "a count")? {
            self.max_new_tokens = length.saturating_sub(1);
        }
        if let Some(length) = reader.get::<usize>("min_length", "a count")? {
            self.min_new_tokens = length.saturating_sub(1);
        }
        let mut given = Overrides::default();
        for option in OPTIONS {
            let Some(key) = option.file_key else {
                continue;
            };
            let value = reader.fields.get(key).unwrap_or(&Value::Null);
            let set = given.set(option.name, value);
            set.map_err(|_| reader.unsupported(key, option.kind.expected(), value))?;
        }
        self.put(&given);
        if let Some(id) = reader.get("decoder_start_token_id", "a token id")? {
            self.decoder_start_token_id = id;
        }
        if let Some(ids) = reader.get_list("eos_token_id", "a token id or a list of token ids")? {
            self.eos_token_ids = ids;
        }
        Ok(self)
    }
}

struct Reader<'a> {
    file: &'a str,
    fields: Map<String, Value>,
}

impl Reader<'_> {
    fn check_unsupported(&self) -> Result<()> {
        for (key, neutral) in MUST_BE_OFF {
            let Some(value) = self.fields.get(key) else {
                continue;
            };
            let off = match value {
                Value::Null | Value::Bool(false) => true,
                Value::Array(items) => items.is_empty(),
                Value::Number(number) => number.as_f64().is_some_and(|x| neutral.contains(&x)),
                _ => false,
            };
            if !off {
                let expected = match neutral.first() {
                    Some(neutral) => format!("{neutral} or null"),
                    None => "null".to_string(),
                };
                return Err(self.unsupported(key, &expected, value));
            }
        }
        Ok(())
    }

    /// The value of `key`; `None` when it is absent or `null`.
    fn get<T: for<'de> Deserialize<'de>>(&self, key: &str, expected: &str) -> Result<Option<T>> {
        match self.fields.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => T::deserialize(value)
                .map(Some)
                .map_err(|_| self.unsupported(key, expected, value)),
        }
    }

    /// Like [`get`](Self::get), for keys that hold one value or a list of them.
    fn get_list<T: for<'de> Deserialize<'de>>(
        &self,
        key: &str,
        expected: &str,
    ) -> Result<Option<Vec<T>>> {
        match self.fields.get(key) {
            Some(Value::Array(_)) => self.get(key, expected),
            _ => Ok(self.get(key, expected)?.map(|one| vec![one])),
        }
    }

    fn unsupported(&self, key: &str, expected: &str, found: &Value) -> Error {
        Error::UnsupportedModel {
            file: self.file.to_string(),
            key: key.to_string(),
            expected: expected.to_string(),
            found: found.to_string(),
        }
    }
}
