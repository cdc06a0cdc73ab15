//! `preprocessor_config.json`: the keys of SigLIP's image processor.

use super::MAX_EDGE;
use super::processor::{ImageProcessor, Size};
use super::resize::Resample;
use crate::error::{Error, Result};
use crate::formats::json::{parse_json, require};
use serde::Deserialize;
use serde_json::Value;

/// The keys that change the result. Those that `transformers` writes beside them (`data_format`,
/// `processor_class`, `crop_size`, …) do nothing and are passed over. `do_convert_rgb` is one of them:
/// every picture here is RGB, and with `false` the reference takes no others.
#[derive(Deserialize)]
struct Keys {
    image_processor_type: Option<String>,
    do_resize: Option<bool>,
    size: Option<Value>,
    resample: Option<Value>,
    do_center_crop: Option<bool>,
    do_pad: Option<bool>,
    do_rescale: Option<bool>,
    rescale_factor: Option<f64>,
    do_normalize: Option<bool>,
    image_mean: Option<Value>,
    image_std: Option<Value>,
}

impl ImageProcessor {
    /// Reads the file's bytes; `file` is its name for the errors. Keys that are left out or `null` take SigLIP's defaults.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when it is not JSON or a key has another type; [`Error::UnsupportedModel`] for values that
    /// this crate does not carry out.
    pub fn from_json(file: &str, bytes: &[u8]) -> Result<Self> {
        let keys: Keys = parse_json(file, bytes)?;
        let default = ImageProcessor::default();
        if let Some(name) = &keys.image_processor_type {
            // The same processor by its names in transformers 4 and 5.
            let known = [
                "SiglipImageProcessor",
                "SiglipImageProcessorFast",
                "SiglipImageProcessorPil",
            ];
            let ok = known.contains(&name.as_str());
            require(ok, file, "image_processor_type", known[0], name)?;
        }
        for (key, value) in [
            ("do_center_crop", keys.do_center_crop),
            ("do_pad", keys.do_pad),
        ] {
            require(value != Some(true), file, key, "false", true)?;
        }
        let factor = keys.rescale_factor.unwrap_or(default.rescale_factor);
        let factor_ok = factor.is_finite() && factor > 0.0;
        require(
            factor_ok,
            file,
            "rescale_factor",
            "a positive number",
            factor,
        )?;
        let image_std = channels(file, "image_std", keys.image_std, default.image_std)?;
        let std_ok = image_std.iter().all(|&std| std > 0.0);
        require(
            std_ok,
            file,
            "image_std",
            "positive numbers",
            format!("{image_std:?}"),
        )?;
        Ok(ImageProcessor {
            do_resize: keys.do_resize.unwrap_or(default.do_resize),
            size: keys
                .size
                .map_or(Ok(default.size), |found| size(file, &found))?,
            resample: keys
                .resample
                .map_or(Ok(default.resample), |found| resample(file, &found))?,
            do_rescale: keys.do_rescale.unwrap_or(default.do_rescale),
            rescale_factor: factor,
            do_normalize: keys.do_normalize.unwrap_or(default.do_normalize),
            image_mean: channels(file, "image_mean", keys.image_mean, default.image_mean)?,
            image_std,
        })
    }
}

fn size(file: &str, found: &Value) -> Result<Size> {
    let edge = |key: &str, value: &Value| match value.as_u64() {
        Some(edge) if (1..=MAX_EDGE as u64).contains(&edge) => Ok(edge as usize),
        _ => unsupported(file, key, format!("1 to {MAX_EDGE} pixels"), value),
    };
    if let Some(keys) = found.as_object() {
        return match (
            keys.get("height"),
            keys.get("width"),
            keys.get("shortest_edge"),
        ) {
            (Some(height), Some(width), None) if keys.len() == 2 => Ok(Size::Exact {
                height: edge("size.height", height)?,
                width: edge("size.width", width)?,
            }),
            (None, None, Some(short)) if keys.len() == 1 => {
                Ok(Size::ShortestEdge(edge("size.shortest_edge", short)?))
            }
            _ => unsupported(file, "size", "{height, width} or {shortest_edge}", found),
        };
    }
    Ok(Size::ShortestEdge(edge("size", found)?))
}

fn resample(file: &str, found: &Value) -> Result<Resample> {
    match found.as_u64().and_then(Resample::from_number) {
        Some(resample) => Ok(resample),
        None => unsupported(file, "resample", "0 to 5, as in Pillow", found),
    }
}

/// One number for all channels, or one for each.
fn channels(file: &str, key: &str, found: Option<Value>, default: [f32; 3]) -> Result<[f32; 3]> {
    let Some(found) = found else {
        return Ok(default);
    };
    let values = match &found {
        Value::Array(items) => items.iter().map(Value::as_f64).collect(),
        number => number.as_f64().map(|v| vec![v; 3]),
    };
    match values.as_deref() {
        Some(&[r, g, b]) => Ok([r as f32, g as f32, b as f32]),
        _ => unsupported(file, key, "a number or three numbers", &found),
    }
}

fn unsupported<T>(file: &str, key: &str, expected: impl Into<String>, found: &Value) -> Result<T> {
    Err(Error::UnsupportedModel {
        file: file.into(),
        key: key.into(),
        expected: expected.into(),
        found: found.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<ImageProcessor> {
        ImageProcessor::from_json("preprocessor_config.json", json.as_bytes())
    }

    #[test]
    fn keys_left_out_or_null_take_the_references_defaults() {
        assert_eq!(read("{}"), Ok(ImageProcessor::default()));
        let written_by_transformers = r#"{"do_convert_rgb": null, "do_normalize": true, "do_rescale": true,
            "do_resize": true, "image_mean": [0.5, 0.5, 0.5], "image_processor_type": "SiglipImageProcessor",
            "image_std": [0.5, 0.5, 0.5], "processor_class": "SiglipProcessor", "resample": null,
            "rescale_factor": 0.00392156862745098, "size": {"height": 224, "width": 224}}"#;
        assert_eq!(read(written_by_transformers), Ok(ImageProcessor::default()));
    }

    #[test]
    fn sizes_in_all_their_spellings() {
        let size = |json: &str| read(json).map(|config| config.size);
        let exact = Size::Exact {
            height: 3,
            width: 5,
        };
        assert_eq!(size(r#"{"size": {"width": 5, "height": 3}}"#), Ok(exact));
        assert_eq!(size(r#"{"size": 64}"#), Ok(Size::ShortestEdge(64)));
        assert_eq!(
            size(r#"{"size": {"shortest_edge": 64}}"#),
            Ok(Size::ShortestEdge(64))
        );
    }

    #[test]
    fn what_is_not_supported_is_named() {
        for (json, message) in [
            (
                r#"{"resample": 6}"#,
                "resample is 6, expected 0 to 5, as in Pillow",
            ),
            (
                r#"{"size": {"longest_edge": 9}}"#,
                "size is {\"longest_edge\":9}, expected {height, width} or {shortest_edge}",
            ),
            (
                r#"{"size": {"height": 0, "width": 9}}"#,
                "size.height is 0, expected 1 to 16384 pixels",
            ),
            (
                r#"{"image_mean": [0.5, 0.5]}"#,
                "image_mean is [0.5,0.5], expected a number or three numbers",
            ),
            (
                r#"{"image_std": 0}"#,
                "image_std is [0.0, 0.0, 0.0], expected positive numbers",
            ),
            (
                r#"{"rescale_factor": -1}"#,
                "rescale_factor is -1, expected a positive number",
            ),
            (
                r#"{"do_center_crop": true}"#,
                "do_center_crop is true, expected false",
            ),
            (
                r#"{"image_processor_type": "CLIPImageProcessor"}"#,
                "image_processor_type is CLIPImageProcessor, expected SiglipImageProcessor",
            ),
        ] {
            let error = read(json).map_err(|e| (e.code(), e.to_string()));
            assert_eq!(
                error,
                Err((
                    "UnsupportedModel",
                    format!("preprocessor_config.json: {message}")
                ))
            );
        }
        assert_eq!(read("{").map_err(|e| e.code()), Err("Integrity"));
        assert_eq!(
            read(r#"{"do_resize": 3}"#).map_err(|e| e.code()),
            Err("Integrity")
        );
    }
}
