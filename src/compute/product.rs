//! Products with quantized matrices, and what is made of them on the way out.

use super::cpu::Cpu;
use super::gpu::Gpu;
use super::{Activation, QuantizedMatrix, unsupported};
use crate::formats::blocks::BLOCK;
use burn::tensor::Tensor;

/// What is added to a product on its way out.
#[derive(Debug, Clone, Default)]
pub struct Epilogue {
    /// To each row, `[out_features]`.
    pub bias: Option<Tensor<1>>,
    /// The residual stream that the product joins, `[rows, out_features]`.
    pub residual: Option<Tensor<2>>,
}

impl Epilogue {
    /// The sum with a product that came out alone.
    pub(crate) fn apply(self, product: Tensor<2>) -> Tensor<2> {
        let y = match self.bias {
            Some(bias) => product + bias.unsqueeze(),
            None => product,
        };
        match self.residual {
            Some(residual) => residual + y,
            None => y,
        }
    }
}

/// A device's kernels for products with quantized matrices; `x` has whole blocks. `None`: it has none for these operands, here and
/// in the other operations' traits.
#[allow(unused_variables)] // of a device without a kernel
pub(super) trait ProductKernels {
    /// [`product`]. `Err` gives the epilogue back: there is no kernel for these operands.
    fn product(
        x: &Tensor<2>,
        weight: &QuantizedMatrix,
        epilogue: Epilogue,
    ) -> Result<Tensor<2>, Epilogue> {
        Err(epilogue)
    }

    /// [`product_three`]
    fn product_three(x: &Tensor<2>, weights: [&QuantizedMatrix; 3]) -> Option<Tensor<3>> {
        None
    }

    /// [`product_gated`]
    fn product_gated(
        x: &Tensor<2>,
        weights: [&QuantizedMatrix; 2],
        activation: Activation,
    ) -> Option<Tensor<2>> {
        None
    }
}

/// `x Wᵀ` and what is added: `[rows, in_features]` → `[rows, out_features]`, sums in 32-bit floats.
///
/// # Panics
/// When the tensors are not on one device, or on one that trains: a model is never built so.
pub fn product(x: Tensor<2>, weight: &QuantizedMatrix, epilogue: Epilogue) -> Tensor<2> {
    let x = whole_blocks(x);
    Gpu::product(&x, weight, epilogue)
        .or_else(|epilogue| Cpu::product(&x, weight, epilogue))
        .unwrap_or_else(|_| unsupported(&x.device()))
}

/// `x Wᵀ` of three different matrices at once, `[rows, in_features]` → `[3, rows, out_features]`; `None` where that is not
/// quicker than one after the other.
pub(crate) fn product_three(x: &Tensor<2>, weights: [&QuantizedMatrix; 3]) -> Option<Tensor<3>> {
    let x = whole_blocks(x.clone());
    Gpu::product_three(&x, weights).or_else(|| Cpu::product_three(&x, weights))
}

/// `activation(x W₀ᵀ) · x W₁ᵀ`: `[rows, in_features]` → `[rows, out_features]`, as [`product`].
pub(crate) fn product_gated(
    x: Tensor<2>,
    [gate, linear]: [&QuantizedMatrix; 2],
    activation: Activation,
) -> Tensor<2> {
    let x = whole_blocks(x);
    Gpu::product_gated(&x, [gate, linear], activation)
        .or_else(|| Cpu::product_gated(&x, [gate, linear], activation))
        .unwrap_or_else(|| {
            let gate = product(x.clone(), gate, Epilogue::default());
            activation.gate(gate, product(x, linear, Epilogue::default()))
        })
}

/// Fills rows up with zeros to a whole number of blocks, as the matrix' rows are.
fn whole_blocks(x: Tensor<2>) -> Tensor<2> {
    let missing = x.dims()[1].next_multiple_of(BLOCK) - x.dims()[1];
    if missing == 0 {
        return x;
    }
    x.pad((0, missing, 0, 0), 0.0)
}
