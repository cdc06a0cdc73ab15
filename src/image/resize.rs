//! Pillow's `Image.resize`, byte for byte, on 8-bit RGB.
//!
//! Follows `src/libImaging/Resample.c` (two passes, filter widened when shrinking, 22-bit integer weights, each pass
//! rounded and clamped to 8 bits) and, for `nearest`, `Geometry.c`.
//!
//! Why not a crate: `fast_image_resize` 6.1 was measured against Pillow 13 on 20 ragged size pairs. 19 of them differ,
//! by 1 of 255 with bilinear and by up to 29 with bicubic, most where hard edges make the filter overshoot.

use super::{RgbImage, check_size};
use crate::error::Result;
use std::borrow::Cow;
use std::f64::consts::PI;

/// The filter of [`resize`]; Pillow's `Image.Resampling`, which is also the number in `preprocessor_config.json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resample {
    /// 0: the source pixel under the centre of the new one.
    Nearest,
    /// 1: sinc windowed by a wider sinc, six source pixels across.
    Lanczos,
    /// 2: triangle; SigLIP 2.
    Bilinear,
    /// 3: Keys' cubic with a = −0.5; SigLIP.
    Bicubic,
    /// 4: the mean of the area.
    Box,
    /// 5: a sharper triangle.
    Hamming,
}

impl Resample {
    /// The filter of a number in `preprocessor_config.json`.
    pub fn from_number(number: u64) -> Option<Self> {
        Some(match number {
            0 => Resample::Nearest,
            1 => Resample::Lanczos,
            2 => Resample::Bilinear,
            3 => Resample::Bicubic,
            4 => Resample::Box,
            5 => Resample::Hamming,
            _ => return None,
        })
    }

    /// Half the width of the filter in source pixels, before it is widened for shrinking.
    fn support(self) -> f64 {
        match self {
            Resample::Nearest => 0.0,
            Resample::Box => 0.5,
            Resample::Bilinear | Resample::Hamming => 1.0,
            Resample::Bicubic => 2.0,
            Resample::Lanczos => 3.0,
        }
    }

    /// The filter's value at a distance of `x` source pixels.
    fn weight(self, x: f64) -> f64 {
        match self {
            Resample::Nearest => 0.0,
            Resample::Box => f64::from(x > -0.5 && x <= 0.5),
            Resample::Bilinear => (1.0 - x.abs()).max(0.0),
            Resample::Bicubic => {
                const A: f64 = -0.5;
                let x = x.abs();
                if x < 1.0 {
                    ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
                } else if x < 2.0 {
                    (((x - 5.0) * x + 8.0) * x - 4.0) * A
                } else {
                    0.0
                }
            }
            Resample::Hamming => {
                let x = x.abs();
                if x == 0.0 {
                    1.0
                } else if x >= 1.0 {
                    0.0
                } else {
                    let x = x * PI;
                    x.sin() / x * (0.54 + 0.46 * x.cos())
                }
            }
            Resample::Lanczos if (-3.0..3.0).contains(&x) => sinc(x) * sinc(x / 3.0),
            Resample::Lanczos => 0.0,
        }
    }
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 {
        return 1.0;
    }
    let x = x * PI;
    x.sin() / x
}

/// `image` at `width` × `height`, aspect not kept.
///
/// # Errors
/// [`Error::InvalidInput`](crate::Error::InvalidInput) when either side of `image`, of the result, or of the picture
/// between the two passes is 0 or too large.
pub fn resize(
    image: &RgbImage,
    width: usize,
    height: usize,
    resample: Resample,
) -> Result<RgbImage> {
    image.check()?;
    check_size(width, height)?;
    if (width, height) == (image.width, image.height) {
        return Ok(image.clone());
    }
    if resample == Resample::Nearest {
        return Ok(nearest(image, width, height));
    }
    // The order decides where values are clamped. Pillow 13 (older ones always begin with the rows) takes the columns
    // first when the height loses more than twice the pixels that the width loses.
    let lost = |old: usize, new: usize| old as isize - new as isize;
    let lost_height = lost(image.height, height);
    let vertical_first = lost_height > 0 && lost_height > 2 * lost(image.width, width);
    let between = if vertical_first {
        (image.width, height)
    } else {
        (width, image.height)
    };
    check_size(between.0, between.1)?;
    Ok(if vertical_first {
        horizontal(
            vertical(Cow::Borrowed(image), height, resample),
            width,
            resample,
        )
    } else {
        vertical(
            horizontal(Cow::Borrowed(image), width, resample),
            height,
            resample,
        )
    }
    .into_owned())
}

/// Bits after the point of a weight: 8 bits of pixel and 2 of headroom leave 22 of 32.
const PRECISION_BITS: u32 = 32 - 8 - 2;
const HALF: i32 = 1 << (PRECISION_BITS - 1);

/// The weights of one pass.
struct Weights {
    /// For each new pixel: the first source pixel, how many there are, and where their weights begin in `fixed`.
    spans: Vec<(usize, usize, usize)>,
    /// Weights with [`PRECISION_BITS`] bits after the point.
    fixed: Vec<i32>,
}

impl Weights {
    /// `precompute_coeffs` and `normalize_coeffs_8bpc`: the same f64 operations in the same order, so that no weight
    /// rounds to another integer.
    fn new(old: usize, new: usize, resample: Resample) -> Self {
        let scale = old as f64 / new as f64;
        let filter_scale = scale.max(1.0);
        let support = resample.support() * filter_scale;
        let inverse = 1.0 / filter_scale;
        let mut spans = Vec::with_capacity(new);
        let mut fixed = Vec::new();
        let mut exact = Vec::new();
        for i in 0..new {
            let centre = (i as f64 + 0.5) * scale;
            // Casts cut towards zero, and below zero they saturate to it.
            let first = (centre - support + 0.5) as usize;
            let end = ((centre + support + 0.5) as usize).min(old);
            exact.clear();
            exact
                .extend((first..end).map(|x| resample.weight((x as f64 - centre + 0.5) * inverse)));
            let total: f64 = exact.iter().sum();
            spans.push((first, exact.len(), fixed.len()));
            fixed.extend(exact.iter().map(|&w| {
                let w = if total == 0.0 { w } else { w / total };
                let w = w * f64::from(1 << PRECISION_BITS);
                (if w < 0.0 { w - 0.5 } else { w + 0.5 }) as i32
            }));
        }
        Weights { spans, fixed }
    }

    /// First source pixel and weights of each new pixel.
    fn iter(&self) -> impl Iterator<Item = (usize, &[i32])> {
        self.spans
            .iter()
            .map(|&(first, count, at)| (first, &self.fixed[at..at + count]))
    }
}

fn clip8(sum: i32) -> u8 {
    (sum >> PRECISION_BITS).clamp(0, 255) as u8
}

fn horizontal(image: Cow<RgbImage>, width: usize, resample: Resample) -> Cow<RgbImage> {
    if width == image.width {
        return image;
    }
    let weights = Weights::new(image.width, width, resample);
    let mut data = Vec::with_capacity(width * image.height * 3);
    for row in image.data.chunks_exact(image.width * 3) {
        let (pixels, _) = row.as_chunks::<3>();
        for (first, weights) in weights.iter() {
            let mut sum = [HALF; 3];
            for (pixel, &weight) in pixels[first..].iter().zip(weights) {
                for (sum, &value) in sum.iter_mut().zip(pixel) {
                    *sum += i32::from(value) * weight;
                }
            }
            data.extend(sum.map(clip8));
        }
    }
    Cow::Owned(RgbImage {
        width,
        height: image.height,
        data,
    })
}

fn vertical(image: Cow<RgbImage>, height: usize, resample: Resample) -> Cow<RgbImage> {
    if height == image.height {
        return image;
    }
    let weights = Weights::new(image.height, height, resample);
    let stride = image.width * 3;
    let mut data = Vec::with_capacity(height * stride);
    let mut sums = vec![0; stride];
    for (first, weights) in weights.iter() {
        sums.fill(HALF);
        for (row, &weight) in image.data[first * stride..]
            .chunks_exact(stride)
            .zip(weights)
        {
            for (sum, &value) in sums.iter_mut().zip(row) {
                *sum += i32::from(value) * weight;
            }
        }
        data.extend(sums.iter().map(|&sum| clip8(sum)));
    }
    Cow::Owned(RgbImage {
        width: image.width,
        height,
        data,
    })
}

/// `ImagingScaleAffine`: positions add up step by step, so that they round as Pillow's.
fn nearest(image: &RgbImage, width: usize, height: usize) -> RgbImage {
    let positions = |old: usize, new: usize| {
        let step = old as f64 / new as f64;
        let mut at = step * 0.5;
        (0..new).map(move |_| {
            let position = (at as usize).min(old - 1);
            at += step;
            position
        })
    };
    let columns: Vec<usize> = positions(image.width, width).collect();
    let (pixels, _) = image.data.as_chunks::<3>();
    let mut data = Vec::with_capacity(width * height * 3);
    for y in positions(image.height, height) {
        let row = &pixels[y * image.width..][..image.width];
        data.extend(columns.iter().flat_map(|&x| row[x]));
    }
    RgbImage {
        width,
        height,
        data,
    }
}
