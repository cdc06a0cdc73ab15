//! Weights at rest: model folder → safetensors headers → tensors, one by one, onto the device. Which names the tensors have is a
//! family's business ([`TensorNames`]).

#[cfg(feature = "cli")]
mod convert;
mod names;
mod open;
#[cfg(feature = "cli")]
mod random;
mod reader;
#[cfg(not(target_arch = "wasm32"))]
mod save;
#[cfg(feature = "cli")]
mod shards;
mod slots;
mod spans;
mod stream;
mod upload;

#[cfg(feature = "cli")]
pub use convert::Conversion;
pub use names::TensorNames;
pub use open::{Checkpoint, Entry};
#[cfg(feature = "cli")]
pub use random::write_random;
#[cfg(not(target_arch = "wasm32"))]
pub use save::save;
#[cfg(feature = "cli")]
pub use shards::{SHARD_SIZE, ShardWriter};
#[cfg(feature = "train")]
pub(crate) use slots::each_parameter;
pub use slots::{DeviceTensors, Slot, fill, slots};
pub use stream::Progress;
