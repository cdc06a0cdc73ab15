//! Pictures and text against Pillow, transformers and `tokenizers` (`tests/reference/preprocessing.py`).

use super::{Check, Read};
use crate::error::{Error, Result};
use crate::formats::json::parse_json;
use crate::image::{ImageProcessor, Resample, RgbImage, resize};
use crate::tokenizer::Tokenizer;
use serde::Deserialize;
use serde_json::Value;

/// `cases.json`.
#[derive(Deserialize)]
struct Cases {
    pictures: Vec<Picture>,
    resizes: Vec<Resize>,
    preprocessings: Vec<Preprocessing>,
    texts: Vec<Text>,
    decodes: Vec<Decode>,
    vocab_size: usize,
}

/// A picture before and after `convert_to_rgb`.
#[derive(Deserialize)]
struct Picture {
    name: String,
    width: usize,
    height: usize,
    /// Where its RGBA bytes begin in `pictures.rgba`; its RGB bytes begin at three quarters of that in `pictures.rgb`.
    offset: usize,
}

/// A pattern resized by Pillow to bytes in `resized.rgb`.
#[derive(Deserialize)]
struct Resize {
    source: [usize; 2],
    seed: u32,
    width: usize,
    height: usize,
    resample: u64,
    offset: usize,
}

/// `pixel_values` of `SiglipImageProcessorPil` in `pixel_values.f32`.
#[derive(Deserialize)]
struct Preprocessing {
    name: String,
    source: [usize; 2],
    seed: u32,
    config: Value,
    width: usize,
    height: usize,
    /// Only each `stride`-th row and column is recorded.
    stride: usize,
    offset: usize,
}

#[derive(Deserialize)]
struct Text {
    text: String,
    ids: Vec<u32>,
}

#[derive(Deserialize)]
struct Decode {
    ids: Vec<u32>,
    text: String,
    with_special: String,
}

fn cases(read: Read) -> Result<Cases> {
    parse_json("cases.json", &read("cases.json")?)
}

/// The test picture of the script's `pattern`: noise, and black or white at random in every other field of a
/// chequerboard, so that filters overshoot.
pub fn pattern(width: usize, height: usize, seed: u32) -> Result<RgbImage> {
    let byte = |i: usize| {
        let mut hash = (i as u32).wrapping_mul(0x9E37_79B1).wrapping_add(seed);
        hash = (hash ^ (hash >> 15)).wrapping_mul(0x85EB_CA77);
        hash = (hash ^ (hash >> 13)).wrapping_mul(0xC2B2_AE3D);
        let value = (hash >> 24) as u8;
        let (x, y) = (i / 3 % width, i / 3 / width);
        let hard = (x / (width / 5 + 1) + y / (height / 3 + 1)).is_multiple_of(2);
        match (hard, value > 127) {
            (false, _) => value,
            (true, bright) => 255 * u8::from(bright),
        }
    };
    RgbImage::new(width, height, (0..width * height * 3).map(byte).collect())
}

/// The `len` items from `offset` on.
fn part<'a>(file: &str, bytes: &'a [u8], offset: usize, len: usize) -> Result<&'a [u8]> {
    let found = bytes.get(offset..).and_then(|rest| rest.get(..len));
    found.ok_or_else(|| {
        let problem = format!("{} bytes, expected {len} from {offset} on", bytes.len());
        Error::corrupt(file, problem)
    })
}

/// Alpha over white: bytes equal.
pub fn alpha(read: Read) -> Result<Vec<Check>> {
    let (rgba, rgb) = (read("pictures.rgba")?, read("pictures.rgb")?);
    let mut checks = Vec::new();
    for Picture {
        name,
        width,
        height,
        offset,
    } in cases(read)?.pictures
    {
        let source = part("pictures.rgba", &rgba, offset, width * height * 4)?;
        let expected = part("pictures.rgb", &rgb, offset / 4 * 3, width * height * 3)?;
        let found = RgbImage::from_rgba(width, height, source)?;
        checks.push(Check::values(
            format!("{name} over white"),
            &found.data,
            expected,
            0.0,
        ));
    }
    Ok(checks)
}

/// Resizing: bytes equal.
pub fn resizing(read: Read) -> Result<Vec<Check>> {
    let resized = read("resized.rgb")?;
    let mut checks = Vec::new();
    for case in cases(read)?.resizes {
        let Resize {
            source: [source_width, source_height],
            seed,
            width,
            height,
            resample,
            offset,
        } = case;
        let expected = part("resized.rgb", &resized, offset, width * height * 3)?;
        let filter = Resample::from_number(resample)
            .ok_or_else(|| Error::corrupt("cases.json", format!("resample {resample}")))?;
        let found = resize(
            &pattern(source_width, source_height, seed)?,
            width,
            height,
            filter,
        )?;
        let name = format!("{source_width}×{source_height} to {width}×{height}, {filter:?}");
        checks.push(Check::values(name, &found.data, expected, 0.0));
    }
    Ok(checks)
}

/// The whole way from RGB to `pixel_values`, within 1e-6.
pub fn pixel_values(read: Read) -> Result<Vec<Check>> {
    let bytes = read("pixel_values.f32")?;
    let mut checks = Vec::new();
    for case in cases(read)?.preprocessings {
        let config = case.config.to_string();
        let processor = ImageProcessor::from_json("cases.json", config.as_bytes())?;
        let image = pattern(case.source[0], case.source[1], case.seed)?;
        let found = processor.preprocess(&image)?;
        let size = (found.width, found.height);
        checks.push(Check::equal(
            format!("{}: size", case.name),
            &size,
            &(case.width, case.height),
        ));
        let recorded = |n: usize| n.div_ceil(case.stride);
        let count = 3 * recorded(case.width) * recorded(case.height);
        let expected: Vec<f32> = part("pixel_values.f32", &bytes, case.offset, count * 4)?
            .as_chunks::<4>()
            .0
            .iter()
            .map(|&b| f32::from_le_bytes(b))
            .collect();
        let found: Vec<f32> = found
            .data
            .chunks(found.width)
            .enumerate()
            // Rows of all three planes follow each other.
            .filter(|(row, _)| row % found.height % case.stride == 0)
            .flat_map(|(_, row)| row.iter().copied().step_by(case.stride))
            .collect();
        checks.push(Check::values(
            format!("{}: pixel_values", case.name),
            &found,
            &expected,
            1e-6,
        ));
    }
    Ok(checks)
}

/// Token ids and decoded text: equal.
pub fn tokenization(read: Read) -> Result<Vec<Check>> {
    let tokenizer = Tokenizer::from_bytes("tokenizer.json", &read("tokenizer.json")?)?;
    let cases = cases(read)?;
    let mut checks = vec![
        Check::equal(
            "vocabulary size",
            &tokenizer.vocab_size(),
            &cases.vocab_size,
        ),
        Check::equal("pad", &tokenizer.pad_token_id(), &Some(0)),
        Check::equal("eos", &tokenizer.eos_token_id(), &Some(1)),
    ];
    for Text { text, ids } in cases.texts {
        checks.push(Check::equal(
            format!("ids of {text:?}"),
            &tokenizer.encode(&text)?,
            &ids,
        ));
    }
    for Decode {
        ids,
        text,
        with_special,
    } in cases.decodes
    {
        let name = format!("text of {ids:?}");
        checks.push(Check::equal(
            name.as_str(),
            &tokenizer.decode(&ids, true)?,
            &text,
        ));
        checks.push(Check::equal(
            name + ", all",
            &tokenizer.decode(&ids, false)?,
            &with_special,
        ));
    }
    Ok(checks)
}
