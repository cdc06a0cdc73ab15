//! The one linear layer of the project.

use super::{Activation, Place, Trace, Weight, zeros};
use crate::compute::Epilogue;
use crate::compute::dense::project;
use burn::module::{Module, Param};
use burn::tensor::Tensor;

/// `y = x Wᵀ + b`, with `W` laid out as checkpoints store it.
///
/// How the matrix is stored, as floats or in quantized blocks, is [`Weight`]'s business: the model does not know.
#[derive(Module, Debug)]
pub struct Linear {
    /// `[out_features, in_features]`
    weight: Weight,
    /// `[out_features]`
    bias: Option<Param<Tensor<1>>>,
}

impl Linear {
    /// A layer whose weights are drawn with standard deviation `std` unless a checkpoint sets them.
    pub fn new(
        in_features: usize,
        out_features: usize,
        bias: bool,
        std: f64,
        place: &Place,
    ) -> Self {
        Self {
            weight: Weight::new([out_features, in_features], std, place),
            bias: bias.then(|| zeros([out_features], &place.device)),
        }
    }

    /// `[.., in_features]` → `[.., out_features]`
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        let epilogue = Epilogue {
            bias: self.bias(),
            residual: None,
        };
        by_rows(x, |x| self.weight.product(x, epilogue))
    }

    /// `y = residual + x Wᵀ + b`: `[.., in_features]` and `[.., out_features]` → `[.., out_features]`
    pub fn forward_residual<const D: usize>(&self, x: Tensor<D>, residual: Tensor<D>) -> Tensor<D> {
        let epilogue = Epilogue {
            bias: self.bias(),
            residual: Some(in_rows(residual)),
        };
        by_rows(x, |x| self.weight.product(x, epilogue))
    }

    /// [`Linear::forward_residual`], for a sub-layer's end: a trace gets `x Wᵀ + b` alone, by this name.
    pub(crate) fn forward_residual_traced<const D: usize>(
        &self,
        x: Tensor<D>,
        residual: Tensor<D>,
        trace: &Trace,
        name: impl FnOnce() -> String,
    ) -> Tensor<D> {
        if trace.is_off() {
            return self.forward_residual(x, residual);
        }
        let y = self.forward(x);
        trace.record(name, &y);
        residual + y
    }

    fn bias(&self) -> Option<Tensor<1>> {
        self.bias.as_ref().map(|bias| bias.val())
    }

    /// Three layers without biases on the same `x: [rows, 1, in_features]`: `[3, rows, out_features]`, where the device does that in
    /// one go.
    pub(crate) fn forward_three(layers: [&Self; 3], x: &Tensor<3>) -> Option<Tensor<3>> {
        if layers.iter().any(|layer| layer.bias.is_some()) {
            return None;
        }
        Weight::product_three(layers.map(|layer| &layer.weight), &x.clone().squeeze_dim(1))
    }

    /// Two layers without biases on the same `x`, one the gate of the other: `activation(x W₀ᵀ) · x W₁ᵀ`.
    pub(crate) fn forward_gated<const D: usize>(
        [gate, linear]: [&Self; 2],
        activation: Activation,
        x: Tensor<D>,
    ) -> Tensor<D> {
        by_rows(x, |x| {
            Weight::product_gated([&gate.weight, &linear.weight], activation, x)
        })
    }
}

/// `x Wᵀ + b` for a dense weight `[out, in]` that is not a layer of its own (packed projections, patches).
pub(crate) fn linear<const D: usize>(
    x: Tensor<D>,
    weight: Tensor<2>,
    bias: Option<Tensor<1>>,
) -> Tensor<D> {
    let epilogue = Epilogue {
        bias,
        residual: None,
    };
    by_rows(x, |x| epilogue.apply(project(x, weight)))
}

/// One matrix product over all rows: a batched product would read the weight once per batch entry.
pub(super) fn by_rows<const D: usize>(
    x: Tensor<D>,
    product: impl FnOnce(Tensor<2>) -> Tensor<2>,
) -> Tensor<D> {
    let mut shape = x.dims();
    let y = product(in_rows(x));
    shape[D - 1] = y.dims()[1];
    y.reshape(shape)
}

/// All dimensions but the last as one.
fn in_rows<const D: usize>(x: Tensor<D>) -> Tensor<2> {
    let shape = x.dims();
    let rows = shape[..D - 1].iter().product::<usize>();
    x.reshape([rows, shape[D - 1]])
}
