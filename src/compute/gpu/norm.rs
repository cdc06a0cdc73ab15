//! Norms.

use super::devices::plan_of;
use super::kernel::Kernel;
use super::launch::launch;
use super::tensors::{contiguous, rows_and_width, tensor};
use super::tiles::workgroups_of_rows;
use super::{Gpu, Plan};
use crate::compute::norm::NormKernels;
use burn::backend::wgpu::CubeTensor;
use burn::tensor::Tensor;

impl NormKernels for Gpu {
    fn rms_norm<const D: usize>(x: &Tensor<D>, weight: &Tensor<1>, eps: f64) -> Option<Tensor<D>> {
        let inputs = [contiguous(x)?, contiguous(weight)?];
        Some(norm(Kernel::RmsNorm, inputs, eps))
    }

    fn layer_norm<const D: usize>(
        x: &Tensor<D>,
        weight: &Tensor<1>,
        bias: &Tensor<1>,
        eps: f64,
    ) -> Option<Tensor<D>> {
        let inputs = [contiguous(x)?, contiguous(weight)?, contiguous(bias)?];
        Some(norm(Kernel::LayerNorm, inputs, eps))
    }
}

fn norm<const D: usize, const N: usize>(
    kernel: fn(Plan) -> Kernel,
    inputs: [CubeTensor; N],
    eps: f64,
) -> Tensor<D> {
    let plan = plan_of(&inputs[0].device);
    let shape: [usize; D] = inputs[0].meta.shape().dims();
    let [rows, width] = rows_and_width(shape);
    let numbers = [rows, width, (eps as f32).to_bits() as usize, 0];
    let workgroups = workgroups_of_rows(rows, plan);
    tensor(launch(
        kernel(plan),
        &inputs.each_ref(),
        shape,
        workgroups,
        numbers,
    ))
}
