//! The pixel pipeline: how a picture becomes `pixel_values`.

use super::{PixelValues, Resample, RgbImage, Scaling, resize};
use crate::error::{Error, Result};

/// What a picture is resized to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// `{"height", "width"}`: exactly this, aspect not kept.
    Exact {
        /// Rows.
        height: usize,
        /// Pixels in a row.
        width: usize,
    },
    /// `{"shortest_edge"}` or a bare number, which SigLIP's processor reads the same way: the shorter side gets this
    /// many pixels, the longer one follows the aspect.
    ShortestEdge(usize),
}

/// SigLIP's image processor, as `preprocessor_config.json` sets it ([`ImageProcessor::from_json`]).
#[derive(Debug, Clone, PartialEq)]
pub struct ImageProcessor {
    /// Whether pictures are resized at all.
    pub do_resize: bool,
    /// The size that they get.
    pub size: Size,
    /// The filter.
    pub resample: Resample,
    /// Whether bytes are multiplied by `rescale_factor`.
    pub do_rescale: bool,
    /// 1/255 brings bytes into 0…1.
    pub rescale_factor: f64,
    /// Whether `image_mean` is taken off and `image_std` divided by.
    pub do_normalize: bool,
    /// Red, green and blue.
    pub image_mean: [f32; 3],
    /// Red, green and blue.
    pub image_std: [f32; 3],
}

impl Default for ImageProcessor {
    fn default() -> Self {
        ImageProcessor {
            do_resize: true,
            size: Size::Exact {
                height: 224,
                width: 224,
            },
            resample: Resample::Bicubic,
            do_rescale: true,
            rescale_factor: 1.0 / 255.0,
            do_normalize: true,
            image_mean: [0.5; 3],
            image_std: [0.5; 3],
        }
    }
}

impl ImageProcessor {
    /// SigLIP's defaults for a tower whose positions are for squares of that side.
    pub fn for_side(side: usize) -> Self {
        Self {
            size: Size::Exact {
                height: side,
                width: side,
            },
            ..Default::default()
        }
    }

    /// [`ImageProcessor::preprocess`] for a tower with patches of that side.
    ///
    /// # Errors
    /// Its own; [`Error::InvalidInput`] for a picture that is smaller than a patch, where the folder does not resize.
    pub fn preprocess_for(&self, image: &RgbImage, patch: usize) -> Result<PixelValues> {
        let pixel_values = self.preprocess(image)?;
        if pixel_values.height < patch || pixel_values.width < patch {
            return Err(Error::input(
                "image",
                format!(
                    "expected at least {patch} by {patch} pixels after resizing, found {} by {}",
                    pixel_values.width, pixel_values.height
                ),
            ));
        }
        Ok(pixel_values)
    }

    /// The picture as the vision tower takes it: resize on bytes, then rescale and normalise.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when the picture is empty or too large, or would be after resizing.
    pub fn preprocess(&self, image: &RgbImage) -> Result<PixelValues> {
        let scaling = Scaling {
            factor: self.do_rescale.then_some(self.rescale_factor),
            mean_std: self
                .do_normalize
                .then_some((self.image_mean, self.image_std)),
        };
        image.check()?;
        if !self.do_resize {
            return Ok(scaling.apply(image));
        }
        let (height, width) = self.size.of(image);
        Ok(scaling.apply(&resize(image, width, height, self.resample)?))
    }
}

impl Size {
    /// Height and width that `image` gets.
    fn of(self, image: &RgbImage) -> (usize, usize) {
        match self {
            Size::Exact { height, width } => (height, width),
            Size::ShortestEdge(edge) => {
                let long = image.width.max(image.height);
                let short = image.width.min(image.height);
                // f64 and cut off, as the reference.
                let long = (edge as f64 * long as f64 / short as f64) as usize;
                if image.width <= image.height {
                    (long, edge)
                } else {
                    (edge, long)
                }
            }
        }
    }
}
