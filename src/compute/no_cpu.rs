//! In the place of `cpu` in a build without the processor's kernels: a device that has none.

use super::activation::ActivationKernel;
use super::attention::AttentionKernels;
use super::contiguous::ContiguousKernel;
use super::dense::DenseKernel;
use super::product::ProductKernels;
use super::rows::RowsKernel;
use super::softmax::SoftmaxKernel;

pub(super) struct Cpu;

impl ActivationKernel for Cpu {}
impl AttentionKernels for Cpu {}
impl ContiguousKernel for Cpu {}
impl DenseKernel for Cpu {}
impl ProductKernels for Cpu {}
impl RowsKernel for Cpu {}
impl SoftmaxKernel for Cpu {}
