//! `config.json` of whichever kind of model a folder holds.

use super::{Pali3Config, PartDtypes, SiglipConfig, SiglipVisionConfig, require};
use crate::error::Result;

/// A configuration of one of the kinds that this crate runs.
#[derive(Debug, Clone, PartialEq)]
pub enum ModelConfig {
    /// Picture and question in, text out.
    Pali3(Pali3Config),
    /// Embeddings of pictures and of texts.
    Siglip(SiglipConfig),
}

impl ModelConfig {
    /// Reads and checks `config.json`, by its `model_type`.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`] when it is not JSON or a key has the wrong type,
    /// [`crate::Error::UnsupportedModel`] when it describes another kind of model.
    pub fn from_json(file: &str, bytes: &[u8]) -> Result<Self> {
        let found = super::model_type(file, bytes)?;
        let known = found == "pali3" || found == "siglip";
        require(known, file, "model_type", "\"pali3\" or \"siglip\"", &found)?;
        Ok(match found.as_str() {
            "siglip" => Self::Siglip(SiglipConfig::from_json(file, bytes)?),
            _ => Self::Pali3(Pali3Config::from_json(file, bytes)?),
        })
    }

    /// `model_type`
    pub fn model_type(&self) -> &str {
        match self {
            Self::Pali3(config) => &config.model_type,
            Self::Siglip(config) => &config.model_type,
        }
    }

    /// The picture side.
    pub fn vision(&self) -> &SiglipVisionConfig {
        match self {
            Self::Pali3(config) => &config.vision_config,
            Self::Siglip(config) => &config.vision_config,
        }
    }

    /// Rows of the embedding table.
    pub fn vocab_size(&self) -> usize {
        match self {
            Self::Pali3(config) => config.text_config.vocab_size,
            Self::Siglip(config) => config.text_config.vocab_size,
        }
    }

    /// Whether some of the folder's matrices are in blocks.
    pub fn quantized(&self) -> bool {
        match self {
            Self::Pali3(config) => config.quantization_config.is_some(),
            Self::Siglip(config) => config.quantization_config.is_some(),
        }
    }

    /// The form of each part's matrices in the folder; floats where it does not say otherwise.
    pub fn dtypes(&self) -> PartDtypes {
        let stored = match self {
            Self::Pali3(config) => &config.quantization_config,
            Self::Siglip(config) => &config.quantization_config,
        };
        PartDtypes::stored(stored.as_ref())
    }
}
