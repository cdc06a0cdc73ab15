//! Single rows of a quantized matrix.

use super::cpu::Cpu;
use super::gpu::Gpu;
use super::{QuantizedMatrix, unsupported};
use burn::tensor::{Int, Tensor};

/// A device's kernel for [`rows`].
#[allow(unused_variables)] // of a device without a kernel
pub(super) trait RowsKernel {
    fn rows(ids: &Tensor<1, Int>, weight: &QuantizedMatrix) -> Option<Tensor<2>> {
        None
    }
}

/// The matrix' rows of these ids as floats: `[n]` → `[n, in_features]`.
///
/// # Panics
/// As [`product`](super::product).
pub fn rows(ids: Tensor<1, Int>, weight: &QuantizedMatrix) -> Tensor<2> {
    Gpu::rows(&ids, weight)
        .or_else(|| Cpu::rows(&ids, weight))
        .unwrap_or_else(|| unsupported(&ids.device()))
}
