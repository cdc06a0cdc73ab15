//! Preprocessing against recorded values of Pillow, transformers and `tokenizers`.
//! The bodies are in `src/testing/preprocessing.rs`, for the browser runs them too; decoding files is native only.

use pali3::image::RgbImage;
use pali3::image::decode::decode;
use pali3::testing::{Check, all_passed, preprocessing};
use pali3::tokenizer::Tokenizer;
use pali3::{Error, Result};
use serde::Deserialize;

fn read(name: &str) -> Result<Vec<u8>> {
    let file = format!(
        "{}/tests/fixtures/preprocessing/{name}",
        env!("CARGO_MANIFEST_DIR")
    );
    std::fs::read(&file).map_err(|problem| Error::Io {
        file,
        problem: problem.to_string(),
    })
}

#[test]
fn alpha_is_composited_over_white_as_transformers_does() -> Result<()> {
    all_passed(&preprocessing::alpha(&read)?)
}

#[test]
fn resizing_equals_pillow() -> Result<()> {
    all_passed(&preprocessing::resizing(&read)?)
}

#[test]
fn pixel_values_equal_the_siglip_image_processor() -> Result<()> {
    all_passed(&preprocessing::pixel_values(&read)?)
}

#[test]
fn token_ids_and_text_equal_transformers() -> Result<()> {
    all_passed(&preprocessing::tokenization(&read)?)
}

#[derive(Deserialize)]
struct Cases {
    files: Vec<File>,
}

#[derive(Deserialize)]
struct File {
    file: String,
    width: usize,
    height: usize,
    offset: usize,
}

/// JPEG leaves the last bits of the transform, the colour conversion and the chroma upsampling to the decoder.
fn tolerance(file: &str) -> f64 {
    match file {
        "420.jpg" | "progressive.jpg" => 4.0,
        _ if file.ends_with(".jpg") => 2.0,
        _ => 0.0,
    }
}

#[test]
fn picture_files_decode_as_in_pillow() -> Result<()> {
    let cases: Cases = serde_json::from_slice(&read("cases.json")?)
        .map_err(|e| Error::corrupt("cases.json", e))?;
    let decoded = read("decoded.rgb")?;
    let mut checks = Vec::new();
    for File {
        file,
        width,
        height,
        offset,
    } in cases.files
    {
        let expected = &decoded[offset..][..width * height * 3];
        let found = decode(&read(&format!("files/{file}"))?)?;
        checks.push(Check::equal(
            format!("{file}: size"),
            &(found.width, found.height),
            &(width, height),
        ));
        checks.push(Check::values(
            file.as_str(),
            &found.data,
            expected,
            tolerance(&file),
        ));
    }
    all_passed(&checks)
}

fn refusal(bytes: &[u8]) -> String {
    match decode(bytes) {
        Err(error) => {
            assert_eq!(error.code(), "InvalidInput", "{error}");
            error.to_string()
        }
        Ok(RgbImage { width, height, .. }) => panic!(
            "took {} bytes for a picture of {width}×{height}",
            bytes.len()
        ),
    }
}

#[test]
fn what_is_no_picture_is_refused() -> Result<()> {
    assert_eq!(
        refusal(b""),
        "image: 0 bytes that are no PNG, JPEG, WebP, GIF or BMP"
    );
    assert_eq!(
        refusal(b"a text, no picture"),
        "image: 18 bytes that are no PNG, JPEG, WebP, GIF or BMP"
    );
    for file in [
        "rgb.png",
        "444.jpg",
        "lossless.webp",
        "palette.gif",
        "rgb.bmp",
    ] {
        let whole = read(&format!("files/{file}"))?;
        for length in [12, whole.len() / 8, whole.len() / 2] {
            assert!(
                refusal(&whole[..length]).starts_with("image: "),
                "{file} cut to {length} bytes"
            );
        }
    }
    Ok(())
}

#[test]
fn a_decompression_bomb_is_refused_before_it_is_unpacked() -> Result<()> {
    let mut bytes = read("files/rgb.png")?;
    // Width and height in the header chunk, and its checksum over type and contents.
    bytes[16..24].copy_from_slice(&[0, 0, 0xF0, 0, 0, 0, 0xF0, 0]);
    let checksum = crc32(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&checksum.to_be_bytes());
    assert_eq!(
        refusal(&bytes),
        "image: 61440×61440 = 3774873600 pixels, expected at most 89478485"
    );
    bytes[16..24].copy_from_slice(&[0x7F, 0, 0, 0, 0x7F, 0, 0, 0]);
    let checksum = crc32(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&checksum.to_be_bytes());
    assert!(refusal(&bytes).starts_with("image: "));
    Ok(())
}

/// PNG's checksum.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| {
        if crc & 1 == 1 {
            crc >> 1 ^ 0xEDB8_8320
        } else {
            crc >> 1
        }
    };
    !bytes
        .iter()
        .fold(!0, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), step))
}

/// The library behind `Tokenizer` panics at some of these, and at others only when a prompt comes to the broken place.
#[test]
fn a_tokenizer_file_with_one_wrong_part_is_refused() -> Result<()> {
    let whole: serde_json::Value = serde_json::from_slice(&read("tokenizer.json")?)
        .map_err(|e| Error::corrupt("tokenizer.json", e))?;
    let broken = |pointer: &str, value: serde_json::Value| {
        let mut json = whole.clone();
        *json.pointer_mut(pointer).expect("a key of the fixture") = value;
        let found = Tokenizer::from_bytes("tokenizer.json", json.to_string().as_bytes());
        assert_eq!(
            found.map(|t| t.encode("a picture")).map_err(|e| e.code()),
            Err("Integrity"),
            "{pointer}"
        );
    };
    broken("/normalizer/precompiled_charsmap", "AAgA".into());
    broken("/normalizer/precompiled_charsmap", "AAA=".into());
    broken("/normalizer/precompiled_charsmap", "no base64".into());
    broken("/model/unk_id", 100_000.into());
    broken("/model/type", "Trigram".into());
    broken("/model/vocab", serde_json::json!([]));
    broken("/pre_tokenizer/type", "Nothing".into());
    let charsmap = whole["normalizer"]["precompiled_charsmap"]
        .as_str()
        .unwrap_or_default();
    // The second unit of the trie is reached from the root: it now points far outside.
    broken(
        "/normalizer/precompiled_charsmap",
        format!("{}////{}", &charsmap[..4], &charsmap[8..]).into(),
    );
    // Half the trie is gone, and its length says so.
    let half = format!("AAQAAA{}", &charsmap[6..charsmap.len() / 4 * 2]);
    broken("/normalizer/precompiled_charsmap", half.into());
    let bytes = read("tokenizer.json")?;
    for length in [1, bytes.len() / 2, bytes.len() - 3] {
        let found = Tokenizer::from_bytes("tokenizer.json", &bytes[..length]);
        assert_eq!(
            found.err().map(|e| e.code()),
            Some("Integrity"),
            "cut to {length} bytes"
        );
    }
    Ok(())
}

/// A photograph of 12 megapixels.
#[test]
fn a_large_picture_is_resized() -> Result<()> {
    let image = preprocessing::pattern(4000, 3000, 1)?;
    let resized = pali3::image::resize(&image, 224, 224, pali3::image::Resample::Bicubic)?;
    assert_eq!((resized.width, resized.height), (224, 224));
    assert_eq!(resized.data.len(), 3 * 224 * 224);
    Ok(())
}
