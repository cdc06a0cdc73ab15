//! Weights at rest: model folder → safetensors header → tensors, one by one, onto the device.

mod checkpoint;
mod folder;
mod header;
pub mod names;
#[cfg(not(target_arch = "wasm32"))]
mod save;
mod slots;

pub use checkpoint::{Checkpoint, Entry, Progress};
#[cfg(not(target_arch = "wasm32"))]
pub use folder::DirFolder;
pub use folder::ModelFolder;
pub use header::ElementType;
pub use names::Kind;
#[cfg(not(target_arch = "wasm32"))]
pub use save::save;
pub use slots::{Slot, slots};
