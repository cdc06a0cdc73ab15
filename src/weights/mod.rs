//! Weights at rest: model folder → safetensors header → tensors, one by one, onto the device.

mod checkpoint;
mod folder;
mod header;
mod index;
mod load;
pub mod names;
#[cfg(not(target_arch = "wasm32"))]
mod save;
mod sink;
mod slots;
mod spans;

pub use checkpoint::{Checkpoint, Entry};
#[cfg(not(target_arch = "wasm32"))]
pub use folder::DirFolder;
pub use folder::ModelFolder;
pub use header::ElementType;
pub use load::Progress;
pub use names::Kind;
#[cfg(not(target_arch = "wasm32"))]
pub use save::save;
pub use slots::{Slot, slots};
