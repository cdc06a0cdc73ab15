//! burn's tensors as kernels take them.

use super::Gpu;
use crate::compute::contiguous::ContiguousKernel;
use crate::compute::{QuantizedMatrix, unsupported};
use burn::backend::Wgpu;
use burn::backend::wgpu::{CubeTensor, into_contiguous};
use burn::tensor::{Int, Tensor};

impl ContiguousKernel for Gpu {
    /// Copied where they are not in order.
    fn contiguous<const D: usize>(x: Tensor<D>) -> Result<Tensor<D>, Tensor<D>> {
        contiguous(&x).map(tensor).ok_or(x)
    }
}

/// A tensor as it lies; `None` where it is not on a GPU, or trains.
pub(super) fn primitive<const D: usize>(x: &Tensor<D>) -> Option<CubeTensor> {
    x.clone().try_into_primitive::<Wgpu>().ok()
}

/// A tensor with its numbers in order; as [`primitive`].
pub(super) fn contiguous<const D: usize>(x: &Tensor<D>) -> Option<CubeTensor> {
    primitive(x).map(into_contiguous)
}

/// [`contiguous`] of what is there; `None` where it is on another device.
pub(super) fn contiguous_if_any<const D: usize>(
    x: Option<&Tensor<D>>,
) -> Option<Option<CubeTensor>> {
    match x {
        Some(x) => contiguous(x).map(Some),
        None => Some(None),
    }
}

/// [`contiguous`] of what has to be on the GPU, since what it is added to is.
pub(super) fn on_gpu<const D: usize>(x: Tensor<D>) -> CubeTensor {
    contiguous(&x).unwrap_or_else(|| unsupported(&x.device()))
}

/// A quantized matrix' words and scales.
pub(super) fn matrix(weight: &QuantizedMatrix) -> [CubeTensor; 2] {
    [&weight.words, &weight.scales].map(|tensor| {
        let on_gpu = tensor.clone().try_into_primitive::<Wgpu>();
        on_gpu.unwrap_or_else(|_| unsupported(&tensor.device()))
    })
}

/// As [`contiguous`].
pub(super) fn integers(x: Tensor<1, Int>) -> Option<CubeTensor> {
    x.try_into_primitive::<Wgpu>().ok().map(into_contiguous)
}

/// What a kernel has written.
pub(super) fn tensor<const D: usize>(y: CubeTensor) -> Tensor<D> {
    Tensor::from_primitive::<Wgpu>(y)
}

/// The last dimension, and how often it is there.
pub(super) fn rows_and_width<const D: usize>(shape: [usize; D]) -> [usize; 2] {
    [shape[..D - 1].iter().product(), shape[D - 1]]
}

/// How far apart the rows of a bias are, `[1 or batch, 1 or heads, 1 or query, key]`: entry to entry, head to head, query to
/// query; 0 where one serves all.
pub(super) fn bias_strides(bias: &CubeTensor) -> [usize; 3] {
    let [b, h, q, key]: [usize; 4] = bias.meta.shape().dims();
    let apart = |size: usize, distance: usize| if size == 1 { 0 } else { distance };
    [apart(b, h * q * key), apart(h, q * key), apart(q, key)]
}
