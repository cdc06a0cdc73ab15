//! The model folder's JSON files, with the reference's defaults for keys that are left out.

mod model;
mod pali3;
mod preprocessor;
mod presets;
mod quantization;
mod siglip;
mod t5;
mod text;
mod vision;

pub use model::ModelConfig;
pub(crate) use model::takes_no_pictures;
pub use pali3::{Pali3Config, ProjectorConfig};
pub use preprocessor::{PreprocessorConfig, Size};
pub use presets::{PRESETS, Preset, preset};
pub use quantization::{Dtype, PartDtypes, QuantizationConfig};
pub use siglip::{SiglipConfig, SiglipTextConfig};
pub use t5::T5ModelConfig;
pub use text::{FeedForwardProj, T5Config};
pub use vision::{HiddenAct, SiglipVisionConfig};

use crate::error::{Error, Result};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Parses one JSON file; the error names the file, the place in it and what is wrong.
pub(crate) fn parse_json<T: DeserializeOwned>(file: &str, bytes: &[u8]) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|problem| Error::corrupt(file, problem))
}

/// What kind of model a `config.json` describes; `missing` where it does not say. Asked first: a foreign configuration should
/// be told so, not that some key has the wrong form.
pub(crate) fn model_type(file: &str, bytes: &[u8]) -> Result<String> {
    #[derive(Deserialize)]
    struct Head {
        #[serde(default)]
        model_type: Option<String>,
    }
    let head: Head = parse_json(file, bytes)?;
    Ok(head.model_type.unwrap_or_else(|| "missing".into()))
}

/// The one check behind every "this key has to be …": typed error with both values when it is not.
pub(crate) fn require(
    ok: bool,
    file: &str,
    key: &str,
    expected: impl std::fmt::Display,
    found: impl std::fmt::Display,
) -> Result<()> {
    if ok {
        return Ok(());
    }
    Err(Error::UnsupportedModel {
        file: file.into(),
        key: key.into(),
        expected: expected.to_string(),
        found: found.to_string(),
    })
}
