//! T5 as a family: an encoder-decoder alone, whose `config.json` has T5's keys at the top level.

use super::names::NAMES;
use super::{T5Config, T5Model};
use crate::checkpoint::{DeviceTensors, Slot, fill, slots};
use crate::error::{Error, Result};
use crate::formats::json::{parse_json, require};
use crate::formats::{PartDtypes, QuantizationConfig};
use crate::models::family::require_model_type;
use crate::models::{Capability, EncoderDecoder, Family, Model, ModelConfig, PromptConfig};
use crate::nn::Place;
use burn::tensor::Device;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// T5, T5 1.1, Flan-T5, UL2 and mT5.
pub static FAMILY: Family = Family {
    name: "t5",
    model_types: &["t5", "mt5"],
    capabilities: &[Capability::Generate],
    names: NAMES,
    parts: &["shared", "encoder", "decoder", "lm_head"],
    read_config: |file, bytes| Ok(Box::new(T5ModelConfig::from_json(file, bytes)?)),
};

/// A T5 encoder-decoder that takes no pictures: T5, T5 1.1, Flan-T5, UL2 and mT5.
///
/// Not umT5, whose every layer has position biases of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct T5ModelConfig {
    /// `"t5"` or `"mt5"`.
    pub model_type: String,
    /// Longest prompt in tokens, the closing `</s>` counted. T5's relative positions set no limit
    /// of their own; this one keeps a pasted book from exhausting the device.
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
        require_model_type(file, bytes, FAMILY.model_types)?;
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

pub(in crate::models) fn default_max_prompt_tokens() -> usize {
    1024
}

pub(in crate::models) fn check_max_prompt_tokens(file: &str, found: usize) -> Result<()> {
    let key = "max_prompt_tokens";
    require(found > 0, file, key, "a number above 0", found)
}

impl ModelConfig for T5ModelConfig {
    fn family(&self) -> &'static Family {
        &FAMILY
    }

    fn model_type(&self) -> &str {
        &self.model_type
    }

    fn vocab_size(&self) -> usize {
        self.text_config.vocab_size
    }

    fn prompts(&self) -> Option<PromptConfig> {
        Some(self.text_config.prompts(self.max_prompt_tokens))
    }

    fn stacks(&self) -> Vec<(&'static str, usize)> {
        vec![
            ("num_layers", self.text_config.num_layers),
            ("num_decoder_layers", self.text_config.decoder_layers()),
        ]
    }

    fn quantization(&self) -> Option<&QuantizationConfig> {
        self.quantization_config.as_ref()
    }

    fn build(&self, stored_head: bool, dtypes: &PartDtypes, device: &Device) -> Box<dyn Model> {
        let config = &self.text_config;
        let place = Place::new(device, dtypes.text.storage());
        let separate_head = config.separate_head(stored_head);
        Box::new(T5Model::new(config, separate_head, &place))
    }

    fn to_json(&self) -> Result<Value> {
        serde_json::to_value(self).map_err(|error| Error::corrupt("config.json", error))
    }
}

impl Model for T5Model {
    fn slots(&self) -> Vec<Slot> {
        slots(&NAMES, self)
    }

    fn fill(self: Box<Self>, tensors: DeviceTensors) -> Box<dyn Model> {
        Box::new(fill(&NAMES, *self, tensors))
    }

    fn encoder_decoder(&self) -> Option<&dyn EncoderDecoder> {
        Some(self)
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
