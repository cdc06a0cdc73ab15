//! `config.json` of a T5-family model alone, as its publishers write it: T5's keys at the top level.

use super::pali3::{check_max_prompt_tokens, default_max_prompt_tokens};
use super::{QuantizationConfig, T5Config, parse_json, require};
use crate::error::Result;
use serde::{Deserialize, Serialize};

/// A T5 encoder-decoder that takes no pictures: T5, T5 1.1, Flan-T5, UL2 and mT5.
///
/// Not umT5, whose every layer has position biases of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct T5ModelConfig {
    /// `"t5"` or `"mt5"`.
    pub model_type: String,
    /// Longest prompt in tokens, the closing `</s>` counted; as in [`super::Pali3Config`].
    #[serde(default = "default_max_prompt_tokens")]
    pub max_prompt_tokens: usize,
    /// How the folder's matrices are stored, where they are not floats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantization_config: Option<QuantizationConfig>,
    /// The model's shape. Read in a pass of its own, because serde reads flattened fields without their place in the file,
    /// which errors have to name.
    #[serde(flatten, skip_deserializing)]
    pub text_config: T5Config,
}

impl T5ModelConfig {
    /// A model of that shape.
    pub fn new(text_config: T5Config) -> Self {
        Self {
            model_type: "t5".into(),
            max_prompt_tokens: default_max_prompt_tokens(),
            quantization_config: None,
            text_config,
        }
    }

    /// Reads and checks `config.json`.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`] when it is not JSON or a key has the wrong type,
    /// [`crate::Error::UnsupportedModel`] when it describes another kind of model.
    pub fn from_json(file: &str, bytes: &[u8]) -> Result<Self> {
        let found = super::model_type(file, bytes)?;
        let known = found == "t5" || found == "mt5";
        require(known, file, "model_type", "\"t5\" or \"mt5\"", found)?;
        let mut config: Self = parse_json(file, bytes)?;
        config.text_config = parse_json(file, bytes)?;
        if config.model_type == "mt5" {
            // transformers 5 scales no mT5's outputs, whatever its file says about tying.
            config.text_config.scale_decoder_outputs = Some(false);
        }
        if let Some(quantization) = &config.quantization_config {
            quantization.validate(file)?;
        }
        config.text_config.validate(file, "")?;
        check_max_prompt_tokens(file, config.max_prompt_tokens)?;
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<T5ModelConfig> {
        T5ModelConfig::from_json("config.json", json.as_bytes())
    }

    #[test]
    fn keys_left_out_take_the_references_defaults() {
        let config = read(r#"{"model_type": "t5"}"#).unwrap();
        assert_eq!(config, T5ModelConfig::new(T5Config::default()));
        assert!(config.text_config.tied() && config.text_config.scale_outputs());
        let start = |json: &str| read(json).unwrap().text_config.decoder_start();
        assert_eq!(start(r#"{"model_type": "t5", "pad_token_id": 7}"#), 7);
        let given = r#"{"model_type": "t5", "pad_token_id": 7, "decoder_start_token_id": 3}"#;
        assert_eq!(start(given), 3);
    }

    #[test]
    fn only_t5_scales_what_is_tied() {
        let scales = |json: &str| read(json).unwrap().text_config.scale_outputs();
        assert!(!scales(
            r#"{"model_type": "t5", "tie_word_embeddings": false}"#
        ));
        assert!(!scales(r#"{"model_type": "mt5"}"#));
        assert!(!scales(
            r#"{"model_type": "mt5", "tie_word_embeddings": true}"#
        ));
    }

    #[test]
    fn what_is_written_is_read() {
        let mut config = T5ModelConfig::new(T5Config {
            d_model: 64,
            num_decoder_layers: Some(3),
            ..Default::default()
        });
        config.max_prompt_tokens = 99;
        let json = serde_json::to_string(&config).unwrap();
        assert!(json.contains("\"d_model\":64"), "{json}");
        assert_eq!(read(&json).unwrap(), config);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        for (json, message) in [
            (
                r#"{"model_type": "umt5"}"#,
                "model_type is umt5, expected \"t5\" or \"mt5\"",
            ),
            (
                r#"{"model_type": "t5", "d_model": 0}"#,
                "d_model is 0, expected a number above 0",
            ),
            (
                r#"{"model_type": "t5", "decoder_start_token_id": 40000}"#,
                "decoder_start_token_id is 40000, expected below vocab_size (32128)",
            ),
            (
                r#"{"model_type": "t5", "max_prompt_tokens": 0}"#,
                "max_prompt_tokens is 0, expected a number above 0",
            ),
        ] {
            let error = read(json).unwrap_err();
            assert_eq!(error.code(), "UnsupportedModel");
            assert_eq!(error.to_string(), format!("config.json: {message}"));
        }
        let error = read("{\"model_type\": \"t5\",\n\"d_ff\": \"wide\"}").unwrap_err();
        assert!(error.to_string().contains("line 2"), "{error}");
    }
}
