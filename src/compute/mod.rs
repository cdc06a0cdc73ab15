//! Arithmetic on a device: products with quantized matrices as they are stored (no float copy of one is ever made), products of
//! float matrices, attention, and what stands between products.
//!
//! A file an operation. Each says in a trait which kernels a device may have for it, and asks the devices in turn: the GPU, the
//! processor, and where neither has a kernel, burn. The kernels themselves are in `gpu` (WGSL) and `cpu` (the processor's,
//! natively and in wasm); a build without one of the features has an empty device in its place.

// Where there is no kernel an operand comes back as the error.
#![allow(clippy::result_large_err)]

mod activation;
mod append;
mod attention;
mod best_tokens;
mod contiguous;
#[cfg(feature = "cpu")]
pub mod cpu;
#[cfg(not(feature = "cpu"))]
#[path = "no_cpu.rs"]
pub(crate) mod cpu;
pub(crate) mod dense;
pub mod device;
pub(crate) mod exponential;
#[cfg(feature = "webgpu")]
pub mod gpu;
#[cfg(not(feature = "webgpu"))]
#[path = "no_gpu.rs"]
mod gpu;
mod norm;
mod plan;
mod product;
mod quantized;
mod rows;
mod softmax;

pub use activation::Activation;
pub(crate) use append::append;
pub(crate) use attention::{attend_few, attend_many, attend_step, supports_attend_step};
pub use best_tokens::BestTokens;
pub(crate) use best_tokens::best_tokens;
pub(crate) use contiguous::contiguous;
pub(crate) use norm::{layer_norm, rms_norm};
pub use plan::{Extras, Plan};
pub use product::{Epilogue, product};
pub(crate) use product::{product_gated, product_three};
pub use quantized::QuantizedMatrix;
pub(crate) use quantized::{pair, upload};
pub use rows::rows;
pub(crate) use softmax::softmax;

use burn::tensor::{Device, Tensor};

#[cfg(not(any(feature = "cpu", feature = "webgpu")))]
compile_error!("pali3 needs a device to compute on: enable the feature `cpu`, `webgpu` or both");

/// From so many rows on some kernels are others, which take longer to compile: a warm-up has as many.
pub(crate) const MANY_ROWS: usize = 100;

/// What burn computes where there is no kernel: on the processor and in training. A build for the GPU alone has neither, and
/// leaves burn's kernels out.
fn fallback<const D: usize>(
    x: Tensor<D>,
    compute: impl FnOnce(Tensor<D>) -> Tensor<D>,
) -> Tensor<D> {
    match cfg!(any(feature = "cpu", feature = "train")) {
        true => compute(x),
        false => unsupported(&x.device()),
    }
}

/// All operands come from one model, on a device that this build has kernels for.
fn unsupported(device: &Device) -> ! {
    unreachable!("no kernel for operands on {device:?}")
}
