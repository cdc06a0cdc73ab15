//! Attention in one go: scores, softmax and values without a matrix of all scores.

use super::cpu::Cpu;
use super::gpu::Gpu;
use super::unsupported;
use burn::tensor::{Device, Tensor};

/// A device's kernels for attention.
#[allow(unused_variables)] // of a device without a kernel
pub(super) trait AttentionKernels {
    /// [`attend_few`]
    fn attend_few(
        q: &Tensor<3>,
        past: [&Tensor<4>; 2],
        length: usize,
        bias: impl FnOnce() -> Option<Tensor<4>>,
        scale: f64,
    ) -> Option<Tensor<3>> {
        None
    }

    /// [`attend_many`]
    fn attend_many(
        q: &Tensor<4>,
        past: [&Tensor<4>; 2],
        length: usize,
        bias: Option<&Tensor<4>>,
        scale: f64,
    ) -> Option<Tensor<4>> {
        None
    }

    /// [`supports_attend_step`]
    fn supports_attend_step(device: &Device, width: usize, length: usize) -> bool {
        false
    }

    /// [`attend_step`]
    fn attend_step(
        token: &Tensor<3>,
        past: [&Tensor<4>; 2],
        position: usize,
        bias: &Tensor<4>,
        scale: f64,
    ) -> Option<Tensor<3>> {
        None
    }
}

/// `softmax(scale · q kᵀ + bias) v` over the first `length` of keys and values, `past: [batch, heads, length or more, width]`, in
/// one go: `q: [batch, queries, heads · width]` → the same; `bias: [1 or batch, 1 or heads, 1 or queries, length]`, which is made
/// only where it is needed. `None` where there is no kernel for it: on the processor, for many queries, for heads of an odd width.
pub(crate) fn attend_few(
    q: &Tensor<3>,
    past: [&Tensor<4>; 2],
    length: usize,
    bias: impl FnOnce() -> Option<Tensor<4>>,
    scale: f64,
) -> Option<Tensor<3>> {
    Gpu::attend_few(q, past, length, bias, scale)
}

/// `softmax(scale · q kᵀ + bias) v` as [`attend_few`] has it, for many queries: `q: [batch, heads, queries, width]` → the same.
/// `None` where there is no kernel for it: on a GPU, in training, for few queries.
pub(crate) fn attend_many(
    q: &Tensor<4>,
    past: [&Tensor<4>; 2],
    length: usize,
    bias: Option<&Tensor<4>>,
    scale: f64,
) -> Option<Tensor<4>> {
    Cpu::attend_many(q, past, length, bias, scale)
}

/// Whether the device has an [`attend_step`] for heads of that width and so many keys.
pub(crate) fn supports_attend_step(device: &Device, width: usize, length: usize) -> bool {
    Gpu::supports_attend_step(device, width, length)
}

/// [`append`](super::append) and attention to everything up to `position`, for what
/// [`product_three`](super::product_three) made of new tokens: queries, keys and values, `[3, rows, heads · width]` →
/// `[rows, 1, heads · width]`.
pub(crate) fn attend_step(
    token: &Tensor<3>,
    past: [&Tensor<4>; 2],
    position: usize,
    bias: &Tensor<4>,
    scale: f64,
) -> Tensor<3> {
    Gpu::attend_step(token, past, position, bias, scale)
        .unwrap_or_else(|| unsupported(&token.device()))
}
