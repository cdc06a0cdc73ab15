//! Softmax of attention scores.

use super::cpu::Cpu;
use super::fallback;
use super::gpu::Gpu;
use burn::tensor::{Tensor, activation};

/// A device's kernel for [`softmax`]. `Err` gives the scores back: it has none for them.
#[allow(unused_variables)] // of a device without a kernel
pub(super) trait SoftmaxKernel {
    fn softmax(
        scores: Tensor<4>,
        bias: Option<&Tensor<4>>,
        scale: f64,
    ) -> Result<Tensor<4>, Tensor<4>> {
        Err(scores)
    }
}

/// `softmax(scale · scores + bias)` over the last dimension; `bias: [1 or batch, 1 or heads, 1 or query, key]`.
pub(crate) fn softmax(scores: Tensor<4>, bias: Option<Tensor<4>>, scale: f64) -> Tensor<4> {
    Gpu::softmax(scores, bias.as_ref(), scale)
        .or_else(|scores| Cpu::softmax(scores, bias.as_ref(), scale))
        .unwrap_or_else(|scores| {
            fallback(scores, |scores| {
                let scores = scaled(scores, scale);
                let scores = match bias {
                    Some(bias) => scores + bias,
                    None => scores,
                };
                activation::softmax(scores, 3)
            })
        })
}

/// `scale · x`
pub(super) fn scaled<const D: usize>(x: Tensor<D>, scale: f64) -> Tensor<D> {
    match scale {
        1.0 => x,
        _ => x.mul_scalar(scale),
    }
}
