//! Both towers, and how alike their embeddings are.

use super::{SiglipConfig, SiglipTextModel, SiglipVisionModel};
use crate::formats::{Dtype, PartDtypes};
use crate::nn::{Place, Trace, ones, zeros};
use burn::module::{Module, Param};
use burn::tensor::{Device, Int, Tensor};

/// A picture tower and a text tower. Field names are the checkpoint's.
#[derive(Module, Debug)]
pub struct SiglipModel {
    pub(super) vision_model: SiglipVisionModel,
    text_model: SiglipTextModel,
    /// `[1]`, a logarithm
    pub(super) logit_scale: Param<Tensor<1>>,
    /// `[1]`
    pub(super) logit_bias: Param<Tensor<1>>,
}

impl SiglipModel {
    /// A model whose parameters wait for a checkpoint.
    pub fn new(config: &SiglipConfig, dtypes: &PartDtypes, device: &Device) -> Self {
        let place = |dtype: Dtype| Place::new(device, dtype.storage());
        let (vision, text) = (place(dtypes.vision), place(dtypes.text));
        Self {
            vision_model: SiglipVisionModel::new(&config.vision_config, &vision),
            text_model: SiglipTextModel::new(&config.text_config, &text),
            logit_scale: ones([1], device),
            logit_bias: zeros([1], device),
        }
    }

    /// `[batch, 3, height, width]` → `[batch, embedding]`, each of length 1; `None` for a tower without a head, which
    /// [`SiglipConfig`] does not take.
    pub fn image_embeds(&self, pixel_values: Tensor<4>, trace: &Trace) -> Option<Tensor<2>> {
        let hidden_states = self.vision_model.forward(pixel_values, trace);
        let embeds = normalised(self.vision_model.pool(hidden_states, trace)?);
        trace.record(|| "image_embeds".into(), &embeds);
        Some(embeds)
    }

    /// `[batch, length]` ids, padded to the tower's length → `[batch, embedding]`, each of length 1.
    pub fn text_embeds(&self, input_ids: Tensor<2, Int>, trace: &Trace) -> Tensor<2> {
        let hidden_states = self.text_model.forward(input_ids, trace);
        let embeds = normalised(self.text_model.pool(hidden_states, trace));
        trace.record(|| "text_embeds".into(), &embeds);
        embeds
    }
}

fn normalised(x: Tensor<2>) -> Tensor<2> {
    let length = x.clone().square().sum_dim(1).sqrt();
    x / length
}
