//! A token's keys and values join those of the tokens before it.

use super::Gpu;
use super::kernel::Kernel;
use super::launch::dispatch;
use super::tensors::{contiguous, tensor};
use crate::compute::append::AppendKernel;
use burn::tensor::Tensor;

impl AppendKernel for Gpu {
    /// In place, whoever else holds them.
    fn append(
        [keys, values]: [&Tensor<4>; 2],
        [key, value]: [&Tensor<4>; 2],
        position: usize,
    ) -> Option<[Tensor<4>; 2]> {
        let (keys, values) = (contiguous(keys)?, contiguous(values)?);
        let (key, value) = (contiguous(key)?, contiguous(value)?);
        let [rows, heads, room, width]: [usize; 4] = keys.meta.shape().dims();
        let count = rows * heads * width;
        dispatch(
            Kernel::Append,
            &[&key, &value, &keys, &values],
            [count.div_ceil(64), 1, 1],
            [count, width, room, position],
        );
        Some([keys, values].map(tensor))
    }
}
