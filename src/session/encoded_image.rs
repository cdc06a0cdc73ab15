//! A picture as the model sees it.

use super::image_bytes::ImageBytes;
use super::{Parts, Session};
use crate::compute::device::read;
use crate::error::{Error, Result};
use crate::image::{PixelValues, RgbImage};
use crate::models::Capability;
use crate::nn::Trace;
use burn::tensor::{Tensor, TensorData};
use sha2::{Digest, Sha256};
use std::rc::{Rc, Weak};

/// Visual tokens on the device, ready for any number of questions. Cloning shares them; it does not keep the model.
#[derive(Clone)]
pub struct EncodedImage {
    visual_tokens: Tensor<3>,
    pub(super) projected: Tensor<3>,
    grid: [usize; 2],
    tower: [u8; 8],
    model: Weak<Parts>,
}

impl Session {
    /// Resizes and normalises a picture as the folder's `preprocessor_config.json` says.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for a picture without pixels, or one smaller than a patch where the folder does not resize;
    /// [`Error::UnsupportedModel`] when the model takes no pictures.
    pub fn preprocess(&self, image: &RgbImage) -> Result<PixelValues> {
        let images = self.parts.images.as_ref();
        let images = images.ok_or_else(|| self.cannot(Capability::SeeImages))?;
        images
            .processor
            .preprocess_for(image, images.input.patch_size)
    }

    /// Picture → visual tokens, the costly half of an answer; worth keeping for several questions.
    ///
    /// # Errors
    /// As [`Session::preprocess`]; [`Error::Device`] when the device fails.
    pub async fn encode_image(&self, image: &RgbImage) -> Result<EncodedImage> {
        self.image_encoder()?;
        self.encode_pixels(self.preprocess(image)?).await
    }

    /// [`Session::encode_image`] for a picture that has been preprocessed.
    ///
    /// # Errors
    /// [`Error::UnsupportedModel`] when the model takes no pictures; [`Error::Device`] when the device fails.
    pub async fn encode_pixels(&self, pixel_values: PixelValues) -> Result<EncodedImage> {
        let (_, model) = self.image_encoder()?;
        let grid = model.grid(&pixel_values);
        let visual_tokens = model.visual_tokens(pixel_values, &Trace::off());
        self.encoded(visual_tokens, grid).await
    }

    /// A picture from what [`EncodedImage::to_bytes`] gave, in another session perhaps.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for bytes that are cut short, are something else or come from another tower;
    /// [`Error::UnsupportedModel`] when the model takes no pictures; [`Error::Device`] when the device fails.
    pub async fn image_from_bytes(&self, bytes: &[u8]) -> Result<EncodedImage> {
        let hidden = self.image_encoder()?.0.input.hidden_size;
        let stored = ImageBytes::read(bytes)?;
        if stored.hidden != hidden || stored.tower != self.tower().await? {
            let problem = "the visual tokens of another model's vision tower";
            return Err(Error::input("image bytes", problem));
        }
        let ImageBytes { grid, values, .. } = stored;
        let shape = [1, grid[0] * grid[1], hidden];
        let visual_tokens = Tensor::from_data(TensorData::new(values, shape), &self.parts.device);
        self.encoded(visual_tokens, grid).await
    }

    async fn encoded(&self, visual_tokens: Tensor<3>, grid: [usize; 2]) -> Result<EncodedImage> {
        let (_, model) = self.image_encoder()?;
        let projected = model.project(visual_tokens.clone(), &Trace::off());
        // Waits for the device, so that its errors belong to this call and not to the next one.
        read(projected.clone().slice([0..1, 0..1, 0..1])).await?;
        Ok(EncodedImage {
            visual_tokens,
            projected,
            grid,
            tower: self.tower().await?,
            model: Rc::downgrade(&self.parts),
        })
    }

    /// Tells vision towers apart: the first 8 bytes of the SHA-256 of parameters that every form of a folder holds as the
    /// same floats. Read from the device once.
    async fn tower(&self) -> Result<[u8; 8]> {
        let (images, model) = self.image_encoder()?;
        if let Some(tower) = images.fingerprint.get() {
            return Ok(*tower);
        }
        let values = read(model.fingerprint()).await?;
        let bytes: Vec<u8> = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        let hash: [u8; 32] = Sha256::digest(bytes).into();
        let mut tower = [0; 8];
        tower.copy_from_slice(&hash[..8]);
        Ok(*images.fingerprint.get_or_init(|| tower))
    }

    /// The projected tokens of pictures one after the other, `[1, tokens, d_model]`; `None` where there is no picture.
    pub(super) fn projected(&self, images: &[EncodedImage]) -> Result<Option<Tensor<3>>> {
        for (i, image) in images.iter().enumerate() {
            if !std::ptr::eq(image.model.as_ptr(), Rc::as_ptr(&self.parts)) {
                let problem = format!("picture {i} was encoded by another model");
                return Err(Error::input("images", problem));
            }
        }
        let tokens = images.iter().map(|image| image.projected.clone());
        Ok(match images {
            [] => None,
            [image] => Some(image.projected.clone()),
            _ => Some(Tensor::cat(tokens.collect(), 1)),
        })
    }
}

impl EncodedImage {
    /// Number of visual tokens.
    pub fn len(&self) -> usize {
        self.visual_tokens.dims()[1]
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Rows and columns of patches; the visual tokens are theirs, row by row.
    pub fn grid(&self) -> [usize; 2] {
        self.grid
    }

    /// The visual tokens as bytes that [`Session::image_from_bytes`] takes, in the format of `session/image_bytes.rs`.
    ///
    /// # Errors
    /// [`Error::Device`] when the device fails.
    pub async fn to_bytes(&self) -> Result<Vec<u8>> {
        let [_, _, hidden] = self.visual_tokens.dims();
        let image = ImageBytes {
            grid: self.grid,
            hidden,
            tower: self.tower,
            values: read(self.visual_tokens.clone()).await?,
        };
        Ok(image.write())
    }

    /// The tower's output `[1, tokens, hidden]`: shape and values.
    ///
    /// # Errors
    /// [`Error::Device`] when the device fails.
    pub async fn visual_tokens(&self) -> Result<(Vec<usize>, Vec<f32>)> {
        super::host(self.visual_tokens.clone()).await
    }

    /// What the encoder gets `[1, tokens, d_model]`: shape and values.
    ///
    /// # Errors
    /// [`Error::Device`] when the device fails.
    pub async fn projected_visual_tokens(&self) -> Result<(Vec<usize>, Vec<f32>)> {
        super::host(self.projected.clone()).await
    }
}
