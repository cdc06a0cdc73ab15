//! Numbers in the order of their shape.

use super::cpu::Cpu;
use super::gpu::Gpu;
use burn::tensor::Tensor;

/// A device's way to [`contiguous`] numbers. `Err` gives them back: they are not on that device.
pub(super) trait ContiguousKernel {
    fn contiguous<const D: usize>(x: Tensor<D>) -> Result<Tensor<D>, Tensor<D>> {
        Err(x)
    }
}

/// The same numbers, in the order of the shape, so that no later product has to copy them.
pub(crate) fn contiguous<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    match Gpu::contiguous(x).or_else(Cpu::contiguous) {
        Ok(x) | Err(x) => x,
    }
}
