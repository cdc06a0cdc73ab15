//! Single rows of a quantized matrix.

use super::Gpu;
use super::kernel::Kernel;
use super::launch::launch;
use super::tensors::{integers, matrix, tensor};
use crate::compute::QuantizedMatrix;
use crate::compute::rows::RowsKernel;
use crate::formats::blocks::blocks;
use burn::tensor::{DType, Int, Tensor};

impl RowsKernel for Gpu {
    fn rows(ids: &Tensor<1, Int>, weight: &QuantizedMatrix) -> Option<Tensor<2>> {
        let ids = match ids.dtype() {
            DType::I32 => ids.clone(),
            _ => ids.clone().cast(DType::I32),
        };
        let ids = integers(ids)?;
        let [entries, in_features] = weight.shape;
        let shape = [ids.meta.shape()[0], in_features];
        // A thread for each quarter of a block.
        let quarters = blocks(in_features) * 4;
        let workgroups = [shape[0], quarters.div_ceil(64), 1];
        let numbers = [shape[0], entries, blocks(in_features), in_features];
        let [words, scales] = matrix(weight);
        let (kernel, inputs) = (Kernel::Rows(weight.format), [&ids, &words, &scales]);
        Some(tensor(launch(kernel, &inputs, shape, workgroups, numbers)))
    }
}
