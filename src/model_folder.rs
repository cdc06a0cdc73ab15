//! The JSON files of a model folder that this crate writes: `config.json` and those beside it.

use crate::error::{Error, Result};
use crate::files;
use crate::formats::{PartDtypes, QuantizationConfig};
use crate::models::ModelConfig;
use crate::scenes::tokenizer::tokenizer_json;
use serde_json::{Value, json};
use std::path::Path;

const CONFIG: &str = "config.json";

/// Writes the files around the weights of a model that uses this crate's own tokenizer: `tokenizer.json`,
/// `preprocessor_config.json`, `generation_config.json` and, last, so that a folder with a configuration is a whole one,
/// `config.json`.
///
/// # Errors
/// [`Error::Io`] for a file that cannot be written, [`Error::Corrupt`] for a configuration that JSON cannot hold: numbers
/// that are none.
pub(crate) fn write_json_files(
    folder: &Path,
    config: &dyn ModelConfig,
    dtypes: &PartDtypes,
) -> Result<()> {
    write_json(folder, "tokenizer.json", &tokenizer_json())?;
    if let Some(vision) = config.vision() {
        let json = preprocessor_json(vision.image_size);
        write_json(folder, "preprocessor_config.json", &json)?;
    }
    if let Some(prompts) = config.prompts() {
        let generation = json!({
            "decoder_start_token_id": prompts.decoder_start_token_id,
            "eos_token_id": prompts.eos_token_id,
            "pad_token_id": prompts.pad_token_id,
            "max_new_tokens": 8,
        });
        write_json(folder, "generation_config.json", &generation)?;
    }
    write_config(folder, config.to_json()?, dtypes)
}

/// Writes `config.json` with every key of `config`, and with a `quantization_config` if any matrix is in blocks.
///
/// # Errors
/// [`Error::Io`] when it cannot be written.
pub(crate) fn write_config(folder: &Path, mut config: Value, dtypes: &PartDtypes) -> Result<()> {
    if let Value::Object(keys) = &mut config {
        keys.remove("quantization_config");
        if dtypes.any_quantized() {
            let description = serde_json::to_value(QuantizationConfig::new(*dtypes))
                .map_err(|error| Error::corrupt(CONFIG, error))?;
            keys.insert("quantization_config".into(), description);
        }
    }
    write_json(folder, CONFIG, &config)
}

fn write_json(folder: &Path, name: &str, value: &Value) -> Result<()> {
    let text = serde_json::to_string_pretty(value).map_err(|error| Error::corrupt(name, error))?;
    files::write(&folder.join(name), text + "\n")
}

/// SigLIP's way with pictures, to a square of that many pixels a side.
fn preprocessor_json(side: usize) -> Value {
    let half = [0.5, 0.5, 0.5];
    json!({
        "do_convert_rgb": true,
        "do_resize": true,
        "do_rescale": true,
        "do_normalize": true,
        "size": { "height": side, "width": side },
        // Pillow's number for bicubic, as SigLIP has it.
        "resample": 3,
        "rescale_factor": 1.0 / 255.0,
        "image_mean": half,
        "image_std": half,
        "image_processor_type": "SiglipImageProcessor",
    })
}
