//! In the place of `gpu` in a build without WebGPU's kernels: a device that has none.

use super::activation::ActivationKernel;
use super::append::AppendKernel;
use super::attention::AttentionKernels;
use super::best_tokens::BestTokensKernel;
use super::contiguous::ContiguousKernel;
use super::dense::DenseKernel;
use super::norm::NormKernels;
use super::product::ProductKernels;
use super::rows::RowsKernel;
use super::softmax::SoftmaxKernel;
use burn::tensor::Device;

pub(super) struct Gpu;

impl ActivationKernel for Gpu {}
impl AppendKernel for Gpu {}
impl AttentionKernels for Gpu {}
impl BestTokensKernel for Gpu {}
impl ContiguousKernel for Gpu {}
impl DenseKernel for Gpu {}
impl NormKernels for Gpu {}
impl ProductKernels for Gpu {}
impl RowsKernel for Gpu {}
impl SoftmaxKernel for Gpu {}

/// No device is one.
pub(super) mod devices {
    use super::Device;
    #[cfg(any(feature = "cli", feature = "testing"))]
    use crate::compute::Plan;

    pub(crate) fn is_gpu(_: &Device) -> bool {
        false
    }

    pub(crate) fn is_software(_: &Device) -> bool {
        false
    }

    pub(crate) fn largest_buffer(_: &Device) -> Option<u64> {
        None
    }

    #[cfg(any(feature = "cli", feature = "testing"))]
    pub(crate) fn plans(_: &Device) -> Vec<Plan> {
        vec![]
    }

    #[cfg(any(feature = "cli", feature = "testing"))]
    pub(crate) fn plan(_: &Device) -> Plan {
        Plan::SIMPLEST
    }

    #[cfg(any(feature = "cli", feature = "testing"))]
    pub(crate) fn set_plan(_: &Device, _: Plan) {}
}
