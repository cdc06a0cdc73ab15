//! `config.json` of a SigLIP model of both towers; also of SigLIP 2's with a fixed resolution, which are the same.

use super::{HiddenAct, SiglipVisionConfig};
use crate::error::Result;
use crate::formats::QuantizationConfig;
use crate::formats::json::{Checker, parse_json, require};
use crate::models::family::require_model_type;
use serde::{Deserialize, Serialize};

/// Shape of a SigLIP text tower.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SiglipTextConfig {
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Width inside the feed-forward layer.
    pub intermediate_size: usize,
    /// Number of blocks.
    pub num_hidden_layers: usize,
    /// Attention heads; the head width is `hidden_size / num_attention_heads`.
    pub num_attention_heads: usize,
    /// Rows of the embedding table.
    pub vocab_size: usize,
    /// Tokens of a text: shorter ones are padded to as many, longer ones cut off.
    pub max_position_embeddings: usize,
    /// Width of the embedding; left out: `hidden_size`.
    pub projection_size: Option<usize>,
    /// Activation of the feed-forward layer.
    pub hidden_act: HiddenAct,
    /// Epsilon of every layer norm.
    pub layer_norm_eps: f64,
}

impl Default for SiglipTextConfig {
    fn default() -> Self {
        Self {
            hidden_size: 768,
            intermediate_size: 3072,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            vocab_size: 32_000,
            max_position_embeddings: 64,
            projection_size: None,
            hidden_act: HiddenAct::GeluTanh,
            layer_norm_eps: 1e-6,
        }
    }
}

impl SiglipTextConfig {
    /// Width of the embedding.
    pub fn embedding_size(&self) -> usize {
        self.projection_size.unwrap_or(self.hidden_size)
    }

    /// # Errors
    /// [`crate::Error::UnsupportedModel`] for a size that no tower can have.
    pub fn validate(&self, file: &str, prefix: &str) -> Result<()> {
        let check = Checker::new(file, prefix);
        let heads = ("num_attention_heads", self.num_attention_heads);
        check.sizes([
            ("hidden_size", self.hidden_size),
            ("intermediate_size", self.intermediate_size),
            ("num_hidden_layers", self.num_hidden_layers),
            heads,
            ("vocab_size", self.vocab_size),
            ("max_position_embeddings", self.max_position_embeddings),
            ("projection_size", self.embedding_size()),
        ])?;
        check.heads(heads, ("hidden_size", self.hidden_size))
    }
}

/// A picture tower and a text tower with embeddings of one width.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SiglipConfig {
    /// Always `"siglip"`.
    pub model_type: String,
    /// The picture side.
    #[serde(default)]
    pub vision_config: SiglipVisionConfig,
    /// The text side.
    #[serde(default)]
    pub text_config: SiglipTextConfig,
    /// How the folder's matrices are stored, where they are not floats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantization_config: Option<QuantizationConfig>,
}

impl SiglipConfig {
    /// Reads and checks `config.json`.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`] when it is not JSON or a key has the wrong type,
    /// [`crate::Error::UnsupportedModel`] when it describes another kind of model.
    pub fn from_json(file: &str, bytes: &[u8]) -> Result<Self> {
        require_model_type(file, bytes, &["siglip"])?;
        let config: Self = parse_json(file, bytes)?;
        if let Some(quantization) = &config.quantization_config {
            quantization.validate(file)?;
        }
        config.vision_config.validate(file, "vision_config.")?;
        config.text_config.validate(file, "text_config.")?;
        let head = config.vision_config.vision_use_head;
        require(head, file, "vision_config.vision_use_head", true, head)?;
        let width = config.vision_config.hidden_size;
        require(
            config.text_config.embedding_size() == width,
            file,
            "text_config.projection_size",
            format!("vision_config.hidden_size ({width})"),
            config.text_config.embedding_size(),
        )?;
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_left_out_take_the_references_defaults() {
        let config =
            SiglipConfig::from_json("config.json", br#"{"model_type": "siglip"}"#).unwrap();
        assert_eq!(config.text_config, SiglipTextConfig::default());
        assert_eq!(config.text_config.embedding_size(), 768);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        for (json, message) in [
            (
                r#"{"model_type": "siglip2"}"#,
                "model_type is siglip2, expected \"siglip\"",
            ),
            (
                r#"{"model_type": "siglip", "vision_config": {"vision_use_head": false}}"#,
                "vision_config.vision_use_head is false, expected true",
            ),
            (
                r#"{"model_type": "siglip", "text_config": {"projection_size": 512}}"#,
                "text_config.projection_size is 512, expected vision_config.hidden_size (768)",
            ),
            (
                r#"{"model_type": "siglip", "text_config": {"max_position_embeddings": 0}}"#,
                "text_config.max_position_embeddings is 0, expected a number above 0",
            ),
        ] {
            let error = SiglipConfig::from_json("config.json", json.as_bytes()).unwrap_err();
            assert_eq!(error.code(), "UnsupportedModel");
            assert_eq!(error.to_string(), format!("config.json: {message}"));
        }
    }
}
