//! A table of rows looked up by id.

use super::random;
use burn::module::{Module, Param};
use burn::tensor::{Device, Int, Tensor};

/// `[entries, width]`; only the rows asked for are read.
#[derive(Module, Debug)]
pub struct Embedding {
    weight: Param<Tensor<2>>,
}

impl Embedding {
    /// Rows drawn with standard deviation `std` unless a checkpoint sets them.
    pub fn new(entries: usize, width: usize, std: f64, device: &Device) -> Self {
        Self {
            weight: random([entries, width], std, device),
        }
    }

    /// `[n]` ids → `[n, width]`. The caller has checked that the ids are inside the table.
    pub fn forward(&self, ids: Tensor<1, Int>) -> Tensor<2> {
        self.weight.val().select(0, ids)
    }

    /// The whole table `[entries, width]`, for a head tied to it.
    pub fn table(&self) -> Tensor<2> {
        self.weight.val()
    }

    /// Rows of the table.
    pub fn entries(&self) -> usize {
        self.weight.lazy_shape()[0]
    }
}
