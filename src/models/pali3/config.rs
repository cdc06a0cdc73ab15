//! `config.json` of a whole PaLI-3 model.

use crate::error::Result;
use crate::formats::QuantizationConfig;
use crate::formats::json::parse_json;
use crate::models::family::require_model_type;
use crate::models::siglip::SiglipVisionConfig;
use crate::models::t5::{T5Config, check_max_prompt_tokens, default_max_prompt_tokens};
use serde::{Deserialize, Serialize};

/// How visual tokens become text embeddings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProjectorConfig {
    /// Width of a visual token.
    pub in_features: usize,
    /// Width of a text embedding.
    pub out_features: usize,
    /// Whether the linear map has a bias.
    pub bias: bool,
}

/// A SigLIP tower, one linear projection and a T5 encoder-decoder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pali3Config {
    /// Always `"pali3"`.
    pub model_type: String,
    /// The picture side.
    #[serde(default)]
    pub vision_config: SiglipVisionConfig,
    /// The text side.
    #[serde(default)]
    pub text_config: T5Config,
    /// Whether the projection has a bias.
    #[serde(default = "yes")]
    pub projector_bias: bool,
    /// Longest prompt in tokens, the closing `</s>` counted. T5's relative positions set no limit
    /// of their own; this one keeps a pasted book from exhausting the device.
    #[serde(default = "default_max_prompt_tokens")]
    pub max_prompt_tokens: usize,
    /// How the folder's matrices are stored, where they are not floats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantization_config: Option<QuantizationConfig>,
}

fn yes() -> bool {
    true
}

impl Pali3Config {
    /// A model made of two parts, with a biased projection between them.
    pub fn new(vision_config: SiglipVisionConfig, text_config: T5Config) -> Self {
        Self {
            model_type: "pali3".into(),
            vision_config,
            text_config,
            projector_bias: true,
            max_prompt_tokens: default_max_prompt_tokens(),
            quantization_config: None,
        }
    }

    /// Reads and checks `config.json`.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`] when it is not JSON or a key has the wrong type,
    /// [`crate::Error::UnsupportedModel`] when it describes another kind of model.
    pub fn from_json(file: &str, bytes: &[u8]) -> Result<Self> {
        require_model_type(file, bytes, &["pali3"])?;
        let config: Self = parse_json(file, bytes)?;
        if let Some(quantization) = &config.quantization_config {
            quantization.validate(file)?;
        }
        config.vision_config.validate(file, "vision_config.")?;
        config.text_config.validate(file, "text_config.")?;
        check_max_prompt_tokens(file, config.max_prompt_tokens)?;
        Ok(config)
    }

    /// The map between the two parts.
    pub fn projector(&self) -> ProjectorConfig {
        ProjectorConfig {
            in_features: self.vision_config.hidden_size,
            out_features: self.text_config.d_model,
            bias: self.projector_bias,
        }
    }
}
