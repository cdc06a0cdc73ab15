//! The vision tower's input, and the scaling of bytes into it.

use super::RgbImage;
use crate::compute::MANY_ROWS;
use crate::config::SiglipVisionConfig;

/// What the vision tower takes.
#[derive(Debug, Clone, PartialEq)]
pub struct PixelValues {
    /// Rows.
    pub height: usize,
    /// Pixels in a row.
    pub width: usize,
    /// `[3, height, width]`: red, then green, then blue.
    pub data: Vec<f32>,
}

impl PixelValues {
    /// A grey square, all zeros, to warm a model up with: as many patches as kernels have to see, or 8 × 8 where the model's own
    /// pictures have fewer.
    pub(crate) fn for_warm_up(vision: &SiglipVisionConfig) -> Self {
        let many = MANY_ROWS.isqrt();
        let many = many + usize::from(many * many < MANY_ROWS);
        let grid = if vision.grid() < many { 8 } else { many };
        let side = grid * vision.patch_size;
        Self {
            height: side,
            width: side,
            data: vec![0.0; 3 * side * side],
        }
    }
}

/// How a byte becomes a number: `(byte * factor - mean) / std`, either step optional.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scaling {
    /// `rescale_factor`, when rescaling is on.
    pub factor: Option<f64>,
    /// `image_mean` and `image_std` per channel, when normalising is on.
    pub mean_std: Option<([f32; 3], [f32; 3])>,
}

impl Scaling {
    /// One value, rounded as `transformers.image_transforms` rounds: `rescale` multiplies in f64 and then goes to f32,
    /// `normalize` subtracts and divides in f32.
    fn value(&self, channel: usize, byte: u8) -> f32 {
        let mut value = match self.factor {
            Some(factor) => (f64::from(byte) * factor) as f32,
            None => f32::from(byte),
        };
        if let Some((mean, std)) = self.mean_std {
            value = (value - mean[channel]) / std[channel];
        }
        value
    }

    /// The picture as planes of numbers.
    pub fn apply(&self, image: &RgbImage) -> PixelValues {
        let mut data = Vec::with_capacity(image.data.len());
        for channel in 0..3 {
            // A byte has 256 values, so each is computed once.
            let table: [f32; 256] = std::array::from_fn(|byte| self.value(channel, byte as u8));
            data.extend(
                image
                    .data
                    .iter()
                    .skip(channel)
                    .step_by(3)
                    .map(|&byte| table[usize::from(byte)]),
            );
        }
        PixelValues {
            height: image.height,
            width: image.width,
            data,
        }
    }
}
