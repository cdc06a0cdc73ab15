//! The one linear layer of the project.

use super::{random, zeros};
use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};

/// `y = x Wᵀ + b`, with `W` laid out as checkpoints store it.
///
/// Every matrix of the model except the embedding table goes through here, so that another storage of
/// the weight (quantized blocks) is a change in this file and nowhere in the model.
#[derive(Module, Debug)]
pub struct Linear {
    /// `[out_features, in_features]`
    weight: Param<Tensor<2>>,
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
        device: &Device,
    ) -> Self {
        Self {
            weight: random([out_features, in_features], std, device),
            bias: bias.then(|| zeros([out_features], device)),
        }
    }

    /// `[.., in_features]` → `[.., out_features]`
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        let bias = self.bias.as_ref().map(|bias| bias.val());
        linear(x, self.weight.val(), bias)
    }
}

/// `x Wᵀ + b` for a weight `[out, in]` that is not a layer of its own (tied heads, packed projections).
pub(crate) fn linear<const D: usize>(
    x: Tensor<D>,
    weight: Tensor<2>,
    bias: Option<Tensor<1>>,
) -> Tensor<D> {
    let mut shape = x.dims();
    let [out_features, in_features] = weight.dims();
    // One matrix product over all rows: a batched product would read the weight once per batch entry.
    let rows = shape[..D - 1].iter().product::<usize>();
    let y = x.reshape([rows, in_features]).matmul(weight.transpose());
    let y = match bias {
        Some(bias) => y + bias.unsqueeze(),
        None => y,
    };
    shape[D - 1] = out_features;
    y.reshape(shape)
}
