//! Kernels in WGSL: products with quantized and with float matrices, attention, and what stands between them: norms, softmax,
//! activations, each in one pass where burn takes five to ten.
//!
//! A graphics card reads memory side by side and synchronises cheaply; a software adapter is a processor, for which a
//! barrier costs more than a block of products. So there are two kernels for few rows of activations (decoding) and two
//! for many (pictures, prompts), and the device's [`Plan`] chooses. All of them hold 32-bit sums, stay inside WebGPU's default
//! limits and need no optional feature; of these, those for graphics cards use what [`Extras`] names where it is there, and those
//! of software for many rows have subgroups swap what they have read. No branch around a barrier depends on anything but uniforms.
//!
//! A kernel's source is put together from parts: the format's, the activation's, what stands around (`kernel.rs`). It is bound to
//! its inputs in their order, the output, and a uniform of numbers (`launch.rs`).

mod activation;
mod append;
mod attention;
mod best;
mod dense;
pub(super) mod devices;
#[cfg(feature = "testing")]
mod every;
mod kernel;
mod launch;
mod norm;
#[cfg(not(target_arch = "wasm32"))]
mod open;
mod product;
mod products;
mod rows;
mod softmax;
mod source;
mod tensors;
mod tiles;

use super::{Extras, Plan};
#[cfg(target_arch = "wasm32")]
pub(crate) use devices::register;
#[cfg(feature = "testing")]
pub use every::sources;
#[cfg(not(target_arch = "wasm32"))]
pub(super) use open::open;

/// burn's devices on WebGPU.
pub(super) struct Gpu;
