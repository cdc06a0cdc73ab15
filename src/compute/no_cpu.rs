//! In the place of `cpu` in a build without the processor's kernels: a device that has none.

use super::activation::ActivationKernel;
use super::attention::AttentionKernels;
use super::contiguous::ContiguousKernel;
use super::dense::DenseKernel;
use super::product::ProductKernels;
use super::rows::RowsKernel;
use super::softmax::SoftmaxKernel;
#[cfg(feature = "testing")]
use crate::formats::blocks::{BLOCK, QuantFormat};

pub(super) struct Cpu;

/// What the processor's integers lose of a product: nothing, as there are none.
#[cfg(feature = "testing")]
pub(crate) struct Rounding {
    pub(crate) segment: usize,
    pub(crate) activations: f64,
    pub(crate) weights: f64,
}

#[cfg(feature = "testing")]
pub(crate) fn rounding(_rows: usize, _format: QuantFormat) -> Rounding {
    Rounding {
        segment: BLOCK,
        activations: 0.0,
        weights: 0.0,
    }
}

impl ActivationKernel for Cpu {}
impl AttentionKernels for Cpu {}
impl ContiguousKernel for Cpu {}
impl DenseKernel for Cpu {}
impl ProductKernels for Cpu {}
impl RowsKernel for Cpu {}
impl SoftmaxKernel for Cpu {}
