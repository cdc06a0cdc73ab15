//! Activations: what stands between the two products of a feed-forward layer.

use super::cpu::Cpu;
use super::gpu::Gpu;
use burn::tensor::{Tensor, activation};

/// The non-linearities that SigLIP and T5 use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Activation {
    /// `max(x, 0)`
    Relu,
    /// `x Φ(x)`
    Gelu,
    /// `0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³)))`
    GeluTanh,
    /// `x sigmoid(1.702 x)`
    QuickGelu,
    /// `x sigmoid(x)`
    Silu,
}

/// A device's kernel for activations. `Err` gives the numbers back: it has none for them.
#[allow(unused_variables)] // of a device without a kernel
pub(super) trait ActivationKernel {
    /// The activation of each number, times `linear` where it is a gate for that.
    fn activate<const D: usize>(
        activation: Activation,
        x: Tensor<D>,
        linear: Option<&Tensor<D>>,
    ) -> Result<Tensor<D>, Tensor<D>> {
        Err(x)
    }
}

impl Activation {
    /// Element by element.
    pub fn forward<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        self.apply(x, None)
    }

    /// Element by element, as a gate for `linear`: `activation(x) · linear`.
    pub fn gate<const D: usize>(self, x: Tensor<D>, linear: Tensor<D>) -> Tensor<D> {
        self.apply(x, Some(linear))
    }

    fn apply<const D: usize>(self, x: Tensor<D>, linear: Option<Tensor<D>>) -> Tensor<D> {
        Gpu::activate(self, x, linear.as_ref())
            .or_else(|x| Cpu::activate(self, x, linear.as_ref()))
            .unwrap_or_else(|x| {
                // Also on a GPU: it has no kernel for `Gelu`.
                let activated = self.fallback(x);
                match linear {
                    Some(linear) => activated * linear,
                    None => activated,
                }
            })
    }

    /// Out of burn's operations.
    fn fallback<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        match self {
            Activation::Relu => activation::relu(x),
            Activation::Gelu => activation::gelu(x),
            Activation::GeluTanh => gelu_tanh(x),
            Activation::QuickGelu => x.clone() * activation::sigmoid(x.mul_scalar(1.702)),
            Activation::Silu => activation::silu(x),
        }
    }
}

/// `0.5 (1 + tanh(u))` is `sigmoid(2 u)`: one exponential in place of `tanh` and a power, which took over a third
/// of a training step on the processor.
fn gelu_tanh<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    const TWO_SQRT_2_OVER_PI: f64 = 1.595_769_121_605_731;
    let u = x
        .clone()
        .square()
        .mul_scalar(0.044715 * TWO_SQRT_2_OVER_PI)
        .add_scalar(TWO_SQRT_2_OVER_PI)
        * x.clone();
    x * activation::sigmoid(u)
}
