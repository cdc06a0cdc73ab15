//! Activations, alone and as gates.

use super::Gpu;
use super::kernel::Kernel;
use super::launch::launch;
use super::tensors::{contiguous, contiguous_if_any, tensor};
use crate::compute::Activation;
use crate::compute::activation::ActivationKernel;
use burn::backend::wgpu::CubeTensor;
use burn::tensor::Tensor;

impl ActivationKernel for Gpu {
    /// Not [`Activation::Gelu`], whose error function WGSL has not.
    fn activate<const D: usize>(
        activation: Activation,
        x: Tensor<D>,
        linear: Option<&Tensor<D>>,
    ) -> Result<Tensor<D>, Tensor<D>> {
        match activation {
            Activation::Gelu => Err(x),
            _ => activate(activation, &x, linear).ok_or(x),
        }
    }
}

fn activate<const D: usize>(
    activation: Activation,
    x: &Tensor<D>,
    linear: Option<&Tensor<D>>,
) -> Option<Tensor<D>> {
    let (x, linear) = (contiguous(x)?, contiguous_if_any(linear)?);
    let shape: [usize; D] = x.meta.shape().dims();
    let count: usize = shape.iter().product();
    let kernel = Kernel::Activation {
        activation,
        gated: linear.is_some(),
    };
    let inputs: Vec<&CubeTensor> = [&x].into_iter().chain(&linear).collect();
    // Four numbers to a thread.
    let workgroups = [count.div_ceil(4 * 64), 1, 1];
    let y = launch(kernel, &inputs, shape, workgroups, [count, 0, 0, 0]);
    Some(tensor(y))
}
