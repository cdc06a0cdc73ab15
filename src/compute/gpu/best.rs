//! The best tokens of rows of scores.

use super::Gpu;
use super::kernel::Kernel;
use super::launch::launch;
use super::tensors::{contiguous, tensor};
use crate::compute::best_tokens::BestTokensKernel;
use burn::tensor::Tensor;

impl BestTokensKernel for Gpu {
    fn best_tokens(scores: &Tensor<2>, count: usize) -> Option<Tensor<2>> {
        let scores = contiguous(scores)?;
        let [rows, vocabulary]: [usize; 2] = scores.meta.shape().dims();
        let shape = [rows, 1 + 2 * count];
        let numbers = [rows, vocabulary, count, 0];
        let found = launch(Kernel::Best, &[&scores], shape, [rows, 1, 1], numbers);
        Some(tensor(found))
    }
}
