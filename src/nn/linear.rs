//! The one linear layer of the project.

use super::{Activation, Place, Weight, zeros};
use crate::kernels::dense::project;
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
        let bias = self.bias.as_ref().map(|bias| bias.val());
        by_rows(x, bias, |x| self.weight.matmul(x))
    }

    /// `y = onto + x Wᵀ + b`: `[.., in_features]` and `[.., out_features]` → `[.., out_features]`
    pub fn forward_onto<const D: usize>(&self, x: Tensor<D>, onto: Tensor<D>) -> Tensor<D> {
        let bias = self.bias.as_ref().map(|bias| bias.val());
        let [rows, outputs] = [
            onto.shape().num_elements() / onto.dims()[D - 1],
            onto.dims()[D - 1],
        ];
        let onto = onto.reshape([rows, outputs]);
        by_rows(x, bias, |x| self.weight.matmul_onto(x, onto))
    }

    /// Three layers without biases on the same `x: [rows, 1, in_features]`: `[3, rows, out_features]`, where the device does that in
    /// one go.
    pub(crate) fn forward_three(layers: [&Self; 3], x: &Tensor<3>) -> Option<Tensor<3>> {
        if layers.iter().any(|layer| layer.bias.is_some()) {
            return None;
        }
        Weight::matmul_three(layers.map(|layer| &layer.weight), &x.clone().squeeze_dim(1))
    }

    /// Two layers without biases on the same `x`, one the gate of the other: `activation(x W₀ᵀ) · x W₁ᵀ`.
    pub(crate) fn forward_gated<const D: usize>(
        [gate, linear]: [&Self; 2],
        of: Activation,
        x: Tensor<D>,
    ) -> Tensor<D> {
        by_rows(x, None, |x| {
            Weight::matmul_gated([&gate.weight, &linear.weight], of, x)
        })
    }
}

/// `x Wᵀ + b` for a dense weight `[out, in]` that is not a layer of its own (packed projections, patches).
pub(crate) fn linear<const D: usize>(
    x: Tensor<D>,
    weight: Tensor<2>,
    bias: Option<Tensor<1>>,
) -> Tensor<D> {
    by_rows(x, bias, |x| project(x, weight))
}

/// One matrix product over all rows: a batched product would read the weight once per batch entry.
pub(super) fn by_rows<const D: usize>(
    x: Tensor<D>,
    bias: Option<Tensor<1>>,
    matmul: impl FnOnce(Tensor<2>) -> Tensor<2>,
) -> Tensor<D> {
    let mut shape = x.dims();
    let rows = shape[..D - 1].iter().product::<usize>();
    let y = matmul(x.reshape([rows, shape[D - 1]]));
    let y = match bias {
        Some(bias) => y + bias.unsqueeze(),
        None => y,
    };
    shape[D - 1] = y.dims()[1];
    y.reshape(shape)
}
