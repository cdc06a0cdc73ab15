//! Weights at rest: model folder → safetensors header → tensors, one by one, onto the device.

#[cfg(feature = "cli")]
mod convert;
mod folder;
mod header;
mod index;
mod load;
pub mod names;
mod open;
mod pieces;
#[cfg(feature = "cli")]
mod random;
#[cfg(not(target_arch = "wasm32"))]
mod save;
mod sink;
mod slots;
mod spans;
#[cfg(feature = "cli")]
mod write;

#[cfg(feature = "cli")]
pub use convert::Conversion;
#[cfg(not(target_arch = "wasm32"))]
pub use folder::DirFolder;
pub use folder::ModelFolder;
pub use header::ElementType;
pub use load::Progress;
pub use names::Kind;
pub use open::{Checkpoint, Entry};
#[cfg(feature = "cli")]
pub use random::write_random;
#[cfg(not(target_arch = "wasm32"))]
pub use save::save;
pub use slots::{Slot, slots};
#[cfg(feature = "cli")]
pub use write::{Planned, SHARD_SIZE, ShardWriter};
