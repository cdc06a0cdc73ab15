//! Padding of a batch.

use crate::nn::MASKED;
use burn::tensor::{Device, Tensor, TensorData};

/// Which positions of a batch of sequences are real: `1` or, for padding, `0`; `[batch * length]`.
#[derive(Debug, Clone)]
pub struct AttentionMask {
    batch: usize,
    length: usize,
    real: Vec<bool>,
}

impl AttentionMask {
    /// From one row of flags for each sequence; rows must have the same length.
    pub fn new(rows: &[Vec<bool>]) -> Self {
        Self {
            batch: rows.len(),
            length: rows.first().map_or(0, Vec::len),
            real: rows.concat(),
        }
    }

    /// Puts `count` real positions in front of every row: the visual tokens.
    pub fn prepend(&self, count: usize) -> Self {
        let rows: Vec<Vec<bool>> = self
            .real
            .chunks(self.length.max(1))
            .map(|row| [vec![true; count], row.to_vec()].concat())
            .collect();
        Self::new(&rows)
    }

    /// `[batch, 1, 1, length]` to be added to scores, or `None` when nothing is masked.
    pub(super) fn bias(&self, device: &Device) -> Option<Tensor<4>> {
        if self.real.iter().all(|&real| real) {
            return None;
        }
        let values: Vec<f32> = self
            .real
            .iter()
            .map(|&real| if real { 0.0 } else { MASKED })
            .collect();
        let shape = [self.batch, 1, 1, self.length];
        Some(Tensor::from_data(TensorData::new(values, shape), device))
    }
}
