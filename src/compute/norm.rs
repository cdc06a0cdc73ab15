//! Norms over the last dimension.

use super::fallback;
use super::gpu::Gpu;
use burn::tensor::{Tensor, module};

/// A device's kernels for norms. The processor has none: burn's are as quick there.
#[allow(unused_variables)] // of a device without a kernel
pub(super) trait NormKernels {
    /// [`rms_norm`]
    fn rms_norm<const D: usize>(x: &Tensor<D>, weight: &Tensor<1>, eps: f64) -> Option<Tensor<D>> {
        None
    }

    /// [`layer_norm`]
    fn layer_norm<const D: usize>(
        x: &Tensor<D>,
        weight: &Tensor<1>,
        bias: &Tensor<1>,
        eps: f64,
    ) -> Option<Tensor<D>> {
        None
    }
}

/// `x / sqrt(mean(x²) + eps) · weight` over the last dimension.
pub(crate) fn rms_norm<const D: usize>(x: Tensor<D>, weight: Tensor<1>, eps: f64) -> Tensor<D> {
    Gpu::rms_norm(&x, &weight, eps).unwrap_or_else(|| {
        fallback(x, |x| {
            let mean_square = x.clone().square().mean_dim(D - 1);
            let rstd = mean_square.add_scalar(eps).sqrt().recip();
            x * rstd * weight.unsqueeze()
        })
    })
}

/// `(x - mean(x)) / sqrt(var(x) + eps) · weight + bias` over the last dimension.
pub(crate) fn layer_norm<const D: usize>(
    x: Tensor<D>,
    weight: Tensor<1>,
    bias: Tensor<1>,
    eps: f64,
) -> Tensor<D> {
    Gpu::layer_norm(&x, &weight, &bias, eps)
        .unwrap_or_else(|| fallback(x, |x| module::layer_norm(x, weight, Some(bias), eps)))
}
