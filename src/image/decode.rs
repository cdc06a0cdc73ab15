//! Picture files to RGB natively: PNG, JPEG, WebP, GIF (its first frame) and BMP.
//!
//! Follows `PIL.Image.open(..)`, `ImageOps.exif_transpose` and transformers' `convert_to_rgb`, with one exception:
//! 16-bit grey keeps its high byte, as 16-bit colour does, where Pillow's conversion cuts everything above 255 to white.

use super::{MAX_PIXELS, MAX_SIDE, RgbImage, check_size};
use crate::error::{Error, Result};
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};
use std::io::Cursor;

/// The picture in `bytes`, turned upright by its EXIF orientation, transparency over white.
///
/// # Errors
/// [`Error::InvalidInput`] when the bytes are no picture of a known format, are cut short, or hold too many pixels.
pub fn decode(bytes: &[u8]) -> Result<RgbImage> {
    let invalid = |problem: image::ImageError| Error::input("image", problem);
    let mut reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(|problem| Error::input("image", problem))?;
    if reader.format().is_none() {
        let problem = format!(
            "{} bytes that are no PNG, JPEG, WebP, GIF or BMP",
            bytes.len()
        );
        return Err(Error::input("image", problem));
    }
    if reader.format() == Some(ImageFormat::Jpeg) && !ends(bytes) {
        let problem = format!("{} bytes of a JPEG that is cut short", bytes.len());
        return Err(Error::input("image", problem));
    }
    // Eight bytes for a pixel of 16-bit RGBA; the frame is held once more while it is decoded.
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE as u32);
    limits.max_image_height = Some(MAX_SIDE as u32);
    limits.max_alloc = Some(2 * 8 * MAX_PIXELS as u64);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(invalid)?;
    let (width, height) = decoder.dimensions();
    // Before anything is decoded: a few bytes can claim any size.
    check_size(width as usize, height as usize)?;
    // A broken EXIF block does not spoil the picture; Pillow ignores it too.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut picture = DynamicImage::from_decoder(decoder).map_err(invalid)?;
    picture.apply_orientation(orientation);
    to_rgb(picture)
}

/// Whether a JPEG's last scan is followed by its end marker. The decoder fills what is missing with grey without a word;
/// Pillow refuses. Neither marker can occur within a scan.
fn ends(jpeg: &[u8]) -> bool {
    let last = |marker: [u8; 2]| jpeg.windows(2).rposition(|pair| pair == marker);
    const START_OF_SCAN: [u8; 2] = [0xFF, 0xDA];
    const END_OF_IMAGE: [u8; 2] = [0xFF, 0xD9];
    last(END_OF_IMAGE).is_some_and(|end| last(START_OF_SCAN).is_none_or(|scan| scan < end))
}

fn to_rgb(picture: DynamicImage) -> Result<RgbImage> {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let rgb = |data| RgbImage::new(width, height, data);
    let rgba = |data: &[u8]| RgbImage::from_rgba(width, height, data);
    match picture {
        DynamicImage::ImageLuma8(grey) => rgb(grey.iter().flat_map(|&v| [v; 3]).collect()),
        DynamicImage::ImageLumaA8(grey) => rgba(&grey_alpha(grey.as_raw())),
        DynamicImage::ImageRgb8(colour) => rgb(colour.into_raw()),
        DynamicImage::ImageRgba8(colour) => rgba(colour.as_raw()),
        DynamicImage::ImageLuma16(grey) => rgb(high(grey.as_raw())
            .into_iter()
            .flat_map(|v| [v; 3])
            .collect()),
        DynamicImage::ImageLumaA16(grey) => rgba(&grey_alpha(&high(grey.as_raw()))),
        DynamicImage::ImageRgb16(colour) => rgb(high(colour.as_raw())),
        DynamicImage::ImageRgba16(colour) => rgba(&high(colour.as_raw())),
        other => Err(Error::input(
            "image",
            format!("pixels of type {:?}, expected 8 or 16 bits", other.color()),
        )),
    }
}

/// High bytes: what libpng's `strip_16` and Pillow keep of a 16-bit sample.
fn high(samples: &[u16]) -> Vec<u8> {
    samples.iter().map(|&v| (v >> 8) as u8).collect()
}

fn grey_alpha(pixels: &[u8]) -> Vec<u8> {
    pixels
        .as_chunks::<2>()
        .0
        .iter()
        .flat_map(|&[v, a]| [v, v, v, a])
        .collect()
}
