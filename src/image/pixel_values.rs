//! The vision tower's input, and the scaling of bytes into it.

use super::RgbImage;

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
    /// All zeros.
    pub(crate) fn zeros(height: usize, width: usize) -> Self {
        Self {
            height,
            width,
            data: vec![0.0; 3 * height * width],
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
