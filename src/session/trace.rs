//! The whole way once more, with everything that is computed between.

use super::Session;
use crate::error::{Error, Result};
use crate::image::RgbImage;
use crate::models::AttentionMask;
use crate::nn::Trace;
use burn::tensor::Tensor;

/// What a model computes between its input and its scores, by name and in order.
pub type Intermediates = Vec<(String, Vec<f32>)>;

impl Session {
    /// Every named intermediate on the way to the scores of a given answer, `target` as token ids. Those of a
    /// vision tower come once for each picture.
    ///
    /// # Errors
    /// As [`Session::encode_image`] and [`Session::score`].
    pub async fn trace(
        &self,
        images: &[RgbImage],
        prompt: &str,
        target: &[u32],
    ) -> Result<Intermediates> {
        let trace = Trace::on();
        let mut projected = vec![];
        for image in images {
            let (_, model) = self.image_encoder()?;
            let visual_tokens = model.visual_tokens(self.preprocess(image)?, &trace);
            projected.push(model.project(visual_tokens, &trace));
        }
        let projected = (!projected.is_empty()).then(|| Tensor::cat(projected, 1));
        let ids = self.ids("prompt", prompt)?;
        let mask = AttentionMask::new(&[vec![true; ids.len()]]);
        let (_, model) = self.encoder_decoder()?;
        let ids = self.int_tensor(&ids);
        let (hidden_states, mask) = model.encode_prompts(projected, ids, &mask, &trace);
        let input = self.int_tensor(&self.shifted(target)?);
        model.decode(input, hidden_states, &mask, &trace);
        let records = trace.into_data().await?.into_iter();
        records
            .map(|(name, data)| Ok((name, data.try_to_vec().map_err(Error::device)?)))
            .collect()
    }
}
