//! SigLIP's towers, after `modeling_siglip.py` and big_vision's `models/vit.py`.

mod embeddings;
mod encoder;
mod head;
mod text;
mod two_towers;
mod warm_up;

use crate::config::SiglipVisionConfig;
use crate::nn::{LayerNorm, Place, Trace};
use burn::module::Module;
use burn::tensor::Tensor;
use embeddings::VisionEmbeddings;
use encoder::{Blocks, Encoder};
use head::AttentionPoolingHead;
pub use text::SiglipTextModel;
pub use two_towers::SiglipModel;
pub(crate) use warm_up::warm_up_pixels;

/// Patches → embeddings → pre-norm blocks → norm, and the pooling head where the configuration has one.
///
/// Field names are the checkpoint's.
#[derive(Module, Debug)]
pub struct SiglipVisionModel {
    embeddings: VisionEmbeddings,
    encoder: Encoder,
    post_layernorm: LayerNorm,
    head: Option<AttentionPoolingHead>,
}

impl SiglipVisionModel {
    /// A tower whose parameters wait for a checkpoint, or are drawn at random when first used.
    pub fn new(config: &SiglipVisionConfig, place: &Place) -> Self {
        let blocks = Blocks::from(config);
        let head = config.vision_use_head;
        Self {
            embeddings: VisionEmbeddings::new(config, &place.device),
            encoder: Encoder::new(&blocks, place),
            post_layernorm: blocks.norm(place),
            head: head.then(|| AttentionPoolingHead::new(&blocks, place)),
        }
    }

    /// `[batch, 3, height, width]` → `[batch, (height / patch) * (width / patch), hidden]`, the `last_hidden_state`.
    ///
    /// Pictures of other sizes than the trained one get interpolated positions; pixels beyond the last whole patch
    /// are dropped.
    pub fn forward(&self, pixel_values: Tensor<4>, trace: &Trace) -> Tensor<3> {
        let hidden_states = self.embeddings.forward(pixel_values);
        trace.record(|| "vision.embeddings".into(), &hidden_states);
        let hidden_states = self.encoder.forward(hidden_states, "vision", trace);
        let hidden_states = self.post_layernorm.forward(hidden_states);
        trace.record(|| "vision.last_hidden_state".into(), &hidden_states);
        hidden_states
    }

    /// Parameters of the norm behind the blocks, weights and then biases: `[2 * hidden]`
    pub fn last_norm(&self) -> Tensor<1> {
        self.post_layernorm.values()
    }

    /// `last_hidden_state` → `[batch, hidden]`, the image embedding; `None` for a tower without the head.
    pub fn pool(&self, last_hidden_state: Tensor<3>, trace: &Trace) -> Option<Tensor<2>> {
        let pooled = self.head.as_ref()?.forward(last_hidden_state);
        trace.record(|| "vision.pooler_output".into(), &pooled);
        Some(pooled)
    }
}
