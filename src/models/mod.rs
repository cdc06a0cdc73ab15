//! The models: picture → patches → visual tokens → encoder → decoder → logits.
//!
//! A folder a family, each with its configuration, tensor names, layers and [`Family`]. A new one is a folder and a line of
//! [`registry::FAMILIES`].

mod attention_mask;
mod family;
pub mod pali3;
mod presets;
pub mod registry;
pub mod siglip;
pub mod t5;
mod traits;

pub use attention_mask::AttentionMask;
pub use family::{
    Capability, Family, ModelConfig, PromptConfig, ReadConfig, TextEmbedding, VisionInput,
};
pub use pali3::{Pali3Config, Pali3Model};
pub use presets::{PRESETS, Preset, preset};
pub use siglip::{SiglipModel, SiglipTextModel, SiglipVisionModel};
pub use t5::T5Model;
pub use traits::{
    EncoderDecoder, ImageEmbedder, ImageEncoder, IncrementalDecoder, Model, TextEmbedder,
};
