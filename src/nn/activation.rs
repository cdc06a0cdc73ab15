//! Feed-forward activations.

use crate::compute;
use crate::config::HiddenAct;
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

impl Activation {
    /// Element by element.
    pub fn forward<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        compute::activate(self, x, None)
    }

    /// Element by element, as a gate for `linear`: `activation(x) · linear`.
    pub fn gate<const D: usize>(self, x: Tensor<D>, linear: Tensor<D>) -> Tensor<D> {
        compute::activate(self, x, Some(linear))
    }

    /// Out of burn's operations.
    pub(crate) fn by_burn<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
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

impl From<HiddenAct> for Activation {
    fn from(act: HiddenAct) -> Self {
        match act {
            HiddenAct::Gelu => Activation::Gelu,
            HiddenAct::GeluTanh => Activation::GeluTanh,
            HiddenAct::QuickGelu => Activation::QuickGelu,
        }
    }
}
