//! SigLIP's towers, after `modeling_siglip.py` and big_vision's `models/vit.py`.

mod config;
mod embeddings;
mod encoder;
mod family;
mod head;
pub mod names;
mod text;
mod two_towers;
mod vision_config;

use crate::image::PixelValues;
use crate::nn::{LayerNorm, Place, Trace};
use burn::module::Module;
use burn::tensor::{Tensor, TensorData};
pub use config::{SiglipConfig, SiglipTextConfig};
use embeddings::VisionEmbeddings;
use encoder::{Encoder, EncoderConfig};
pub use family::FAMILY;
use head::AttentionPoolingHead;
pub use text::SiglipTextModel;
pub use two_towers::SiglipModel;
pub use vision_config::{HiddenAct, SiglipVisionConfig};

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
        let blocks = EncoderConfig::from(config);
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

    /// One picture on the tower's device: `[1, 3, height, width]`
    pub(super) fn pixel_tensor(&self, pixel_values: PixelValues) -> Tensor<4> {
        let PixelValues {
            height,
            width,
            data,
        } = pixel_values;
        let data = TensorData::new(data, [1, 3, height, width]);
        Tensor::from_data(data, &self.embeddings.device())
    }

    /// Side of a patch in pixels.
    pub(super) fn patch_size(&self) -> usize {
        self.embeddings.patch_size()
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
