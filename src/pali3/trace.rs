//! The whole way once more, with everything that is computed between.

use super::{Pali3, Parts};
use crate::error::{Error, Result};
use crate::image::RgbImage;
use crate::model::AttentionMask;
use crate::nn::Trace;
use burn::tensor::{Tensor, TensorData};

/// What a model computes between its input and its scores, by name and in order.
pub type Intermediates = Vec<(String, Vec<f32>)>;

impl Pali3 {
    /// Every named intermediate on the way to the scores of a given answer, `target` as token ids.
    ///
    /// # Errors
    /// As [`Pali3::encode_image`] and [`Pali3::score`].
    pub async fn trace(
        &self,
        image: Option<&RgbImage>,
        prompt: &str,
        target: &[u32],
    ) -> Result<Intermediates> {
        let Parts { model, device, .. } = &*self.parts;
        let trace = Trace::on();
        let mut projected = None;
        if let Some(image) = image {
            let pixels = self.preprocess(image)?;
            let shape = [1, 3, pixels.height, pixels.width];
            let pixels = Tensor::from_data(TensorData::new(pixels.data, shape), device);
            let visual_tokens = model.visual_tokens(pixels, &trace);
            projected = Some(model.project(visual_tokens, &trace));
        }
        let ids = self.ids("prompt", prompt)?;
        let mask = AttentionMask::new(&[vec![true; ids.len()]]);
        let (hidden_states, mask) = model.encode(projected, self.int_tensor(&ids), &mask, &trace);
        let text = model.language_model();
        let input = self.int_tensor(&self.shifted(target));
        text.decode(input, hidden_states, &mask, &trace);
        let records = trace.into_data().await?.into_iter();
        records
            .map(|(name, data)| Ok((name, data.try_to_vec().map_err(Error::device)?)))
            .collect()
    }
}
