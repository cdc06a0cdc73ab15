//! Softmax of attention scores.

use super::Gpu;
use super::devices::plan_of;
use super::kernel::Kernel;
use super::launch::launch;
use super::tensors::{bias_strides, contiguous, contiguous_if_any, rows_and_width, tensor};
use super::tiles::workgroups_of_rows;
use crate::compute::softmax::SoftmaxKernel;
use burn::backend::wgpu::CubeTensor;
use burn::tensor::Tensor;

impl SoftmaxKernel for Gpu {
    fn softmax(
        scores: Tensor<4>,
        bias: Option<&Tensor<4>>,
        scale: f64,
    ) -> Result<Tensor<4>, Tensor<4>> {
        softmax(&scores, bias, scale).ok_or(scores)
    }
}

fn softmax(scores: &Tensor<4>, bias: Option<&Tensor<4>>, scale: f64) -> Option<Tensor<4>> {
    let (scores, bias) = (contiguous(scores)?, contiguous_if_any(bias)?);
    let plan = plan_of(&scores.device);
    let shape: [usize; 4] = scores.meta.shape().dims();
    let [_, heads, queries, width] = shape;
    let [rows, _] = rows_and_width(shape);
    let [entry, head, query] = bias.as_ref().map_or([0; 3], bias_strides);
    let scale = (scale as f32).to_bits() as usize;
    let numbers = [rows, width, heads, queries, entry, head, query, scale];
    let kernel = Kernel::Softmax {
        plan,
        biased: bias.is_some(),
    };
    let inputs: Vec<&CubeTensor> = [&scores].into_iter().chain(&bias).collect();
    let workgroups = workgroups_of_rows(rows, plan);
    Some(tensor(launch(kernel, &inputs, shape, workgroups, numbers)))
}
