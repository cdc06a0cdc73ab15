//! A table of rows looked up by id.

use super::linear::by_rows;
use super::{Place, Weight, random};
use crate::compute::Epilogue;
use burn::module::{Module, Param};
use burn::tensor::{Device, Int, Tensor};

/// `[entries, width]`; only the rows asked for are read.
#[derive(Module, Debug)]
pub struct Embedding {
    weight: Weight,
}

impl Embedding {
    /// Rows drawn with standard deviation `std` unless a checkpoint sets them.
    pub fn new(entries: usize, width: usize, std: f64, place: &Place) -> Self {
        Self {
            weight: Weight::new([entries, width], std, place),
        }
    }

    /// `[n]` ids → `[n, width]`. The caller has checked that the ids are inside the table.
    pub fn forward(&self, ids: Tensor<1, Int>) -> Tensor<2> {
        self.weight.rows(ids)
    }

    /// The table as a head tied to it: `[.., width]` → `[.., entries]`.
    pub fn scores<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        by_rows(x, |x| self.weight.product(x, Epilogue::default()))
    }

    /// Rows of the table.
    pub fn entries(&self) -> usize {
        self.weight.shape()[0]
    }
}

/// A small table that is always floats: positions, position biases.
#[derive(Module, Debug)]
pub(crate) struct Table {
    weight: Param<Tensor<2>>,
}

impl Table {
    /// Rows drawn with standard deviation `std` unless a checkpoint sets them.
    pub(crate) fn new(entries: usize, width: usize, std: f64, device: &Device) -> Self {
        Self {
            weight: random([entries, width], std, device),
        }
    }

    /// `[entries, width]`
    pub(crate) fn value(&self) -> Tensor<2> {
        self.weight.val()
    }
}
