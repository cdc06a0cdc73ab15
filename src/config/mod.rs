//! The model folder's JSON files, with the reference's defaults for keys that are left out.

mod pali3;
mod preprocessor;
mod presets;
mod quantization;
mod text;
mod vision;

pub use pali3::{Pali3Config, ProjectorConfig};
pub use preprocessor::{PreprocessorConfig, Size};
pub use presets::{PRESETS, Preset, preset};
pub use quantization::{Dtype, PartDtypes, QuantizationConfig};
pub use text::{FeedForwardProj, T5Config};
pub use vision::{HiddenAct, SiglipVisionConfig};

use crate::error::{Error, Result};
use serde::de::DeserializeOwned;

/// Parses one JSON file; the error names the file, the place in it and what is wrong.
pub(crate) fn parse_json<T: DeserializeOwned>(file: &str, bytes: &[u8]) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|problem| Error::corrupt(file, problem))
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
