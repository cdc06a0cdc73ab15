//! The best tokens of rows of scores, found where the scores lie.

use super::device::read;
use super::gpu::Gpu;
use crate::error::Result;
use burn::tensor::Tensor;

/// The best tokens of one row: all that a search needs which no other token can get into the way of.
#[derive(Debug, Clone, PartialEq)]
pub struct BestTokens {
    /// By falling score; the smaller id of equals first.
    pub token_ids: Vec<u32>,
    /// Their scores, unnormalised.
    pub logits: Vec<f32>,
    /// Logarithm of the sum of the exponentials of *all* scores of the row: what makes log-probabilities of them.
    pub log_sum_exp: f32,
}

/// A device's kernel for [`best_tokens`].
#[allow(unused_variables)] // of a device without a kernel
pub(super) trait BestTokensKernel {
    /// For each row the logarithm of the sum of the exponentials, then the ids and then the scores of the best:
    /// `[rows, vocabulary]` → `[rows, 1 + 2 · count]`.
    fn best_tokens(scores: &Tensor<2>, count: usize) -> Option<Tensor<2>> {
        None
    }
}

/// The best tokens of each row of scores, still on the GPU.
pub(crate) struct FoundTokens {
    found: Tensor<2>,
    count: usize,
}

/// Looks for the `count` best of each row, `[rows, vocabulary]`, where the scores lie on a GPU; `None` on the
/// processor, which has them at hand.
pub(crate) fn best_tokens(scores: &Tensor<2>, count: usize) -> Option<FoundTokens> {
    let count = count.min(scores.dims()[1]);
    let found = Gpu::best_tokens(scores, count)?;
    Some(FoundTokens { found, count })
}

impl FoundTokens {
    /// What was found, on the host.
    pub(crate) async fn read(self) -> Result<Vec<BestTokens>> {
        let values = read(self.found).await?;
        let rows = values.chunks_exact(1 + 2 * self.count);
        Ok(rows
            .map(|row| BestTokens {
                log_sum_exp: row[0],
                // Exact in a float up to 16 million.
                token_ids: row[1..=self.count].iter().map(|&id| id as u32).collect(),
                logits: row[1 + self.count..].to_vec(),
            })
            .collect())
    }
}
