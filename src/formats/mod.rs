//! What the files of a model folder hold, read and written without a device: JSON, safetensors and their index, and matrices in
//! blocks of few-bit integers.

pub mod blocks;
mod dtype;
mod folder;
pub(crate) mod index;
pub(crate) mod json;
pub mod safetensors;

pub use dtype::{Dtype, Part, PartDtypes, QuantizationConfig, Storage};
#[cfg(not(target_arch = "wasm32"))]
pub use folder::DirFolder;
pub use folder::ModelFolder;
pub(crate) use folder::read_exactly;
