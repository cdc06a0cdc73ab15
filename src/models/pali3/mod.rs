//! PaLI-3: visual tokens before pooling, one linear projection, put in front of the embedded query.

mod config;
mod family;
pub mod names;

use super::{SiglipVisionModel, T5Model};
use crate::formats::{Dtype, PartDtypes};
use crate::nn::{Linear, Place, Trace};
use burn::module::Module;
use burn::tensor::{Device, Tensor};
pub use config::{Pali3Config, ProjectorConfig};
pub use family::FAMILY;

/// The map from visual tokens to text embeddings.
#[derive(Module, Debug)]
struct MultiModalProjector {
    linear: Linear,
}

/// The picture side: pixels → visual tokens → embeddings for the language model.
#[derive(Module, Debug)]
pub struct PictureModel {
    vision_tower: SiglipVisionModel,
    multi_modal_projector: MultiModalProjector,
}

/// The whole model. Field names are the checkpoint's, but for `picture`, a level that checkpoints do not have; the tower stands
/// there as `vision_tower.vision_model`.
#[derive(Module, Debug)]
pub struct Pali3Model {
    /// The picture side.
    pub picture: PictureModel,
    /// The text side.
    pub language_model: T5Model,
}

impl Pali3Model {
    /// A model whose parameters wait for a checkpoint, or are drawn at random when first used.
    /// For `separate_head` see [`T5Model::new`]; `dtypes` says how each part's matrices are stored on the device.
    pub fn new(
        config: &Pali3Config,
        separate_head: bool,
        dtypes: &PartDtypes,
        device: &Device,
    ) -> Self {
        let place = |dtype: Dtype| Place::new(device, dtype.storage());
        let projector = config.projector();
        let (from, to) = (projector.in_features, projector.out_features);
        let std = (from as f64).powf(-0.5);
        let at = place(dtypes.projector);
        let linear = Linear::new(from, to, projector.bias, std, &at);
        let picture = PictureModel {
            vision_tower: SiglipVisionModel::new(&config.vision_config, &place(dtypes.vision)),
            multi_modal_projector: MultiModalProjector { linear },
        };
        let place = place(dtypes.text);
        Self {
            picture,
            language_model: T5Model::new(&config.text_config, separate_head, &place),
        }
    }
}

impl PictureModel {
    /// `[batch, 3, height, width]` → visual tokens `[batch, patches, hidden]`
    pub fn visual_tokens(&self, pixel_values: Tensor<4>, trace: &Trace) -> Tensor<3> {
        let visual_tokens = self.vision_tower.forward(pixel_values, trace);
        trace.record(|| "visual_tokens".into(), &visual_tokens);
        visual_tokens
    }

    /// `[batch, patches, hidden]` → `[batch, patches, d_model]`
    pub fn project(&self, visual_tokens: Tensor<3>, trace: &Trace) -> Tensor<3> {
        let projected = self.multi_modal_projector.linear.forward(visual_tokens);
        trace.record(|| "projected_visual_tokens".into(), &projected);
        projected
    }
}
