//! Pictures: decode → RGB → resize → `pixel_values`, byte for byte as Pillow and HF's SigLIP processor do it.
//!
//! The browser decodes and hands over RGBA bytes; the command line decodes in [`decode`](decode::decode).
//! Everything after that is the same code on both sides.

#[cfg(feature = "cli")]
pub mod decode;
mod pixel_values;
mod processor;
mod processor_config;
mod resize;

pub use pixel_values::{PixelValues, Scaling};
pub use processor::{ImageProcessor, Size};
pub use resize::{Resample, resize};

use crate::error::{Error, Result};

/// The most pixels a picture may have. Pillow warns of a "decompression bomb" from the same size on.
pub const MAX_PIXELS: usize = 89_478_485;

/// The most pixels along one side; JPEG's own limit. It also bounds the table of filter weights in [`resize`].
pub const MAX_SIDE: usize = 65_535;

/// The longest side that a configuration may ask for. At patch 14 it makes over a million tokens, so more is a mistake.
pub const MAX_EDGE: usize = 16_384;

/// An 8-bit RGB picture, rows from the top, three bytes a pixel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RgbImage {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// `height * width * 3` bytes, `[y][x][rgb]`.
    pub data: Vec<u8>,
}

impl RgbImage {
    /// A picture from its bytes, `[y][x][rgb]`.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for an empty or oversized picture and for a number of bytes that does not fit.
    pub fn new(width: usize, height: usize, data: Vec<u8>) -> Result<Self> {
        let image = RgbImage {
            width,
            height,
            data,
        };
        image.check()?;
        Ok(image)
    }

    /// The fields are public, so that what uses them together asks first.
    pub(crate) fn check(&self) -> Result<()> {
        check_size(self.width, self.height)?;
        check_len(self.width, self.height, 3, self.data.len())
    }

    /// A picture from RGBA bytes, `[y][x][rgba]`, colour not multiplied by alpha: what a canvas' `ImageData` holds.
    /// Whatever is transparent shows white, as in transformers 5.
    ///
    /// # Errors
    /// As [`RgbImage::new`].
    pub fn from_rgba(width: usize, height: usize, rgba: &[u8]) -> Result<Self> {
        check_size(width, height)?;
        check_len(width, height, 4, rgba.len())?;
        let mut data = Vec::with_capacity(width * height * 3);
        for &[r, g, b, a] in rgba.as_chunks::<4>().0 {
            data.extend([over_white(r, a), over_white(g, a), over_white(b, a)]);
        }
        Ok(RgbImage {
            width,
            height,
            data,
        })
    }
}

/// `round((value * alpha + 255 * (255 - alpha)) / 255)`, which is what `PIL.Image.alpha_composite` gives over white
/// for each of the 65,536 pairs (its 7 extra bits of precision never change the result there).
fn over_white(value: u8, alpha: u8) -> u8 {
    let (value, alpha) = (u32::from(value), u32::from(alpha));
    let t = value * alpha + 255 * (255 - alpha) + 128;
    // Exact rounded division by 255; at most 255, so the cast keeps it whole.
    (((t >> 8) + t) >> 8) as u8
}

/// Refuses sizes that no picture has and those that would exhaust memory.
pub(crate) fn check_size(width: usize, height: usize) -> Result<()> {
    if width == 0 || height == 0 {
        return Err(Error::input(
            "image",
            format!("{width}×{height} pixels, expected at least 1×1"),
        ));
    }
    if width > MAX_SIDE || height > MAX_SIDE {
        let problem = format!("{width}×{height} pixels, expected at most {MAX_SIDE} along a side");
        return Err(Error::input("image", problem));
    }
    if width * height > MAX_PIXELS {
        let problem = format!(
            "{width}×{height} = {} pixels, expected at most {MAX_PIXELS}",
            width * height
        );
        return Err(Error::input("image", problem));
    }
    Ok(())
}

fn check_len(width: usize, height: usize, channels: usize, found: usize) -> Result<()> {
    let expected = width * height * channels;
    if found == expected {
        return Ok(());
    }
    let problem =
        format!("{width}×{height} pixels of {channels} bytes are {expected} bytes, found {found}");
    Err(Error::input("image", problem))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_that_do_not_fit_are_named() {
        let message = |r: Result<RgbImage>| r.map_err(|e| (e.code(), e.to_string()));
        assert_eq!(
            message(RgbImage::new(2, 3, vec![0; 17])),
            Err((
                "InvalidInput",
                "image: 2×3 pixels of 3 bytes are 18 bytes, found 17".into()
            ))
        );
        assert_eq!(
            message(RgbImage::from_rgba(0, 3, &[])),
            Err((
                "InvalidInput",
                "image: 0×3 pixels, expected at least 1×1".into()
            ))
        );
        for (width, height) in [(MAX_SIDE + 1, 1), (1, usize::MAX), (MAX_SIDE, MAX_SIDE)] {
            let problem = RgbImage::new(width, height, Vec::new());
            assert!(
                problem.is_err_and(|e| e.to_string().contains("expected at most")),
                "{width}×{height}"
            );
        }
    }
}
