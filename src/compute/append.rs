//! A token's keys and values join those of the tokens before it.

use super::gpu::Gpu;
use burn::tensor::{Tensor, s};

/// A device's kernel for [`append`].
#[allow(unused_variables)] // of a device without a kernel
pub(super) trait AppendKernel {
    fn append(
        past: [&Tensor<4>; 2],
        token: [&Tensor<4>; 2],
        position: usize,
    ) -> Option<[Tensor<4>; 2]> {
        None
    }
}

/// One token's keys and values, `[rows, heads, 1, width]`, at their position among those of all, `[rows, heads, room, width]`.
pub(crate) fn append(
    [keys, values]: [Tensor<4>; 2],
    [key, value]: [Tensor<4>; 2],
    position: usize,
) -> [Tensor<4>; 2] {
    Gpu::append([&keys, &values], [&key, &value], position).unwrap_or_else(|| {
        let here = s![.., .., position..position + 1, ..];
        // Moved through, not cloned, so that the numbers are written in place.
        [
            keys.slice_assign(here, key),
            values.slice_assign(here, value),
        ]
    })
}
