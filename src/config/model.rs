//! `config.json` of whichever kind of model a folder holds.

use super::{
    Pali3Config, PartDtypes, QuantizationConfig, SiglipConfig, SiglipVisionConfig, T5Config,
    T5ModelConfig,
};
use crate::error::{Error, Result};
use serde::Serialize;

/// A configuration of one of the kinds that this crate runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum ModelConfig {
    /// Picture and question in, text out.
    Pali3(Pali3Config),
    /// Text in, text out.
    T5(T5ModelConfig),
    /// Embeddings of pictures and of texts.
    Siglip(SiglipConfig),
}

impl ModelConfig {
    /// Reads and checks `config.json`, by its `model_type`.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when it is not JSON or a key has the wrong type,
    /// [`Error::UnsupportedModel`] when it describes another kind of model.
    pub fn from_json(file: &str, bytes: &[u8]) -> Result<Self> {
        let found = super::model_type(file, bytes)?;
        match found.as_str() {
            "pali3" => Pali3Config::from_json(file, bytes).map(Self::Pali3),
            "t5" | "mt5" => T5ModelConfig::from_json(file, bytes).map(Self::T5),
            "siglip" => SiglipConfig::from_json(file, bytes).map(Self::Siglip),
            _ => Err(Error::UnsupportedModel {
                file: file.into(),
                key: "model_type".into(),
                expected: "\"pali3\", \"t5\", \"mt5\" or \"siglip\"".into(),
                found,
            }),
        }
    }

    /// `model_type`
    pub fn model_type(&self) -> &str {
        match self {
            Self::Pali3(config) => &config.model_type,
            Self::T5(config) => &config.model_type,
            Self::Siglip(config) => &config.model_type,
        }
    }

    /// The picture side; `None` where there is none.
    pub fn vision(&self) -> Option<&SiglipVisionConfig> {
        match self {
            Self::Pali3(config) => Some(&config.vision_config),
            Self::T5(_) => None,
            Self::Siglip(config) => Some(&config.vision_config),
        }
    }

    /// The encoder-decoder; `None` where there is none.
    pub fn language_model(&self) -> Option<&T5Config> {
        match self {
            Self::Pali3(config) => Some(&config.text_config),
            Self::T5(config) => Some(&config.text_config),
            Self::Siglip(_) => None,
        }
    }

    /// Rows of the embedding table.
    pub fn vocab_size(&self) -> usize {
        match self {
            Self::Pali3(config) => config.text_config.vocab_size,
            Self::T5(config) => config.text_config.vocab_size,
            Self::Siglip(config) => config.text_config.vocab_size,
        }
    }

    /// How the folder's matrices are stored, where they are not floats.
    pub fn quantization(&self) -> Option<&QuantizationConfig> {
        match self {
            Self::Pali3(config) => config.quantization_config.as_ref(),
            Self::T5(config) => config.quantization_config.as_ref(),
            Self::Siglip(config) => config.quantization_config.as_ref(),
        }
    }

    /// Whether some of the folder's matrices are in blocks.
    pub fn quantized(&self) -> bool {
        self.quantization().is_some()
    }

    /// The form of each part's matrices in the folder; floats where it does not say otherwise.
    pub fn dtypes(&self) -> PartDtypes {
        PartDtypes::stored(self.quantization())
    }

    /// The folder's forms with an option's in their place, as [`PartDtypes::with`] reads it.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for another form, and for a part that the model does not have.
    pub fn dtypes_with(&self, option: &str, text: &str) -> Result<PartDtypes> {
        let dtypes = self.dtypes().with(option, text)?;
        if self.vision().is_some() {
            return Ok(dtypes);
        }
        if text.contains("vision=") {
            let problem = format!(
                "a model of type {} has no vision tower, found {text:?}",
                self.model_type()
            );
            return Err(Error::option(option, problem));
        }
        Ok(PartDtypes::all(dtypes.language_model))
    }

    /// That the model takes pictures.
    ///
    /// # Errors
    /// [`Error::UnsupportedModel`] for a language model alone.
    pub fn require_pictures(&self, file: &str) -> Result<()> {
        match self.vision() {
            Some(_) => Ok(()),
            None => Err(takes_no_pictures(file, self.model_type())),
        }
    }
}

/// The error of a call that gives a picture to a language model alone.
pub(crate) fn takes_no_pictures(file: &str, model_type: &str) -> Error {
    Error::UnsupportedModel {
        file: file.into(),
        key: "model_type".into(),
        expected: "\"pali3\": a language model alone takes no pictures".into(),
        found: model_type.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Dtype;

    fn read(json: &str) -> Result<ModelConfig> {
        ModelConfig::from_json("config.json", json.as_bytes())
    }

    #[test]
    fn each_type_is_read_as_its_kind() {
        let kinds = ["pali3", "t5", "mt5", "siglip"].map(|model_type| {
            let config = read(&format!("{{\"model_type\": {model_type:?}}}")).unwrap();
            assert_eq!(config.model_type(), model_type);
            config.vision().is_some()
        });
        assert_eq!(kinds, [true, false, false, true]);
        for other in ["umt5", "llava"] {
            let error = read(&format!("{{\"model_type\": {other:?}}}")).unwrap_err();
            assert_eq!(error.code(), "UnsupportedModel");
            assert!(error.to_string().contains(other), "{error}");
        }
    }

    #[test]
    fn a_language_model_alone_has_no_form_of_a_tower() {
        let t5 = read(r#"{"model_type": "t5"}"#).unwrap();
        let all = |dtype| Ok(PartDtypes::all(dtype));
        assert_eq!(t5.dtypes_with("dtype", "q8"), all(Dtype::Q8));
        assert_eq!(t5.dtypes_with("dtype", "text=q4"), all(Dtype::Q4));
        for wrong in ["vision=q8", "vision=q8,text=q4"] {
            let error = t5.dtypes_with("dtype", wrong).unwrap_err();
            assert_eq!(error.code(), "InvalidOption");
            assert!(error.to_string().contains("no vision tower"), "{error}");
        }
        let pali3 = read(r#"{"model_type": "pali3"}"#).unwrap();
        let mixed = pali3.dtypes_with("dtype", "vision=q8,text=q4").unwrap();
        assert_eq!(
            (mixed.vision_tower, mixed.language_model),
            (Dtype::Q8, Dtype::Q4)
        );
    }
}
