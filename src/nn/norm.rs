//! Layer norm (SigLIP) and RMS norm (T5).

use super::{ones, zeros};
use crate::compute;
use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};

/// Mean-centred norm with weight and bias.
#[derive(Module, Debug)]
pub struct LayerNorm {
    weight: Param<Tensor<1>>,
    bias: Param<Tensor<1>>,
    #[module(skip)]
    eps: f64,
}

impl LayerNorm {
    /// Identity until a checkpoint or training says otherwise.
    pub fn new(width: usize, eps: f64, device: &Device) -> Self {
        Self {
            weight: ones([width], device),
            bias: zeros([width], device),
            eps,
        }
    }

    /// Weights, then biases: `[2 * width]`
    pub fn values(&self) -> Tensor<1> {
        Tensor::cat(vec![self.weight.val(), self.bias.val()], 0)
    }

    /// `[.., width]` → `[.., width]`
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        compute::layer_norm(x, self.weight.val(), self.bias.val(), self.eps)
    }
}

/// T5's `layer_norm`: no mean, no bias, weight around 1.
#[derive(Module, Debug)]
pub struct RmsNorm {
    weight: Param<Tensor<1>>,
    #[module(skip)]
    eps: f64,
}

impl RmsNorm {
    /// Identity on unit-variance input until a checkpoint or training says otherwise.
    pub fn new(width: usize, eps: f64, device: &Device) -> Self {
        Self {
            weight: ones([width], device),
            eps,
        }
    }

    /// `x / sqrt(mean(x²) + eps) * weight` over the last dimension.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        compute::rms_norm(x, self.weight.val(), self.eps)
    }
}
