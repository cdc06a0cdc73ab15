//! A picture that nobody looks at.

use crate::config::SiglipVisionConfig;
use crate::image::PixelValues;
use crate::nn::MANY_ROWS;

/// A grey square to warm a model up with: as many patches as kernels have to see, or 8 × 8 where the model's own pictures have
/// fewer.
pub(crate) fn warm_up_pixels(vision: &SiglipVisionConfig) -> PixelValues {
    let many = MANY_ROWS.isqrt();
    let many = many + usize::from(many * many < MANY_ROWS);
    let grid = if vision.grid() < many { 8 } else { many };
    let side = grid * vision.patch_size;
    PixelValues::zeros(side, side)
}
