//! The models: picture → patches → visual tokens → encoder → decoder → logits.

pub mod pali3;
pub mod siglip;
pub mod t5;

pub use pali3::{Pali3Model, PictureModel};
pub use siglip::{SiglipModel, SiglipTextModel, SiglipVisionModel};
pub use t5::{AttentionMask, T5Model};
