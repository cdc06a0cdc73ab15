//! Products with quantized matrices on the processor.
//!
//! Activations become 16-bit integers, block by block with a scale each, so that integer dot products apply
//! (`i32x4.dot_i16x8` in wasm, `pmaddwd` on x86): twice the products of a float instruction, on weights that need
//! no conversion to floats. 16 bits lose about 1.5e-5 of a block's largest activation, less than half floats would.
//! Sums of blocks are floats.

mod activations;
mod gelu;
mod lanes;
mod matmul;
mod rows;

use super::{Quantized, elsewhere};
use crate::quant::QuantFormat;
use burn::backend::Flex;
use burn::tensor::{Int, Tensor, TensorData};

pub use gelu::gelu_tanh;
pub use matmul::matmul;
pub use rows::rows;

/// A matrix in blocks in host memory.
#[derive(Debug, Clone, Copy)]
pub struct Matrix<'a> {
    /// The blocks' integers, row after row.
    pub words: &'a [u32],
    /// The blocks' scales, bits of halves, row after row; there may be one more than needed.
    pub scales: &'a [u16],
    /// What a block looks like.
    pub format: QuantFormat,
    /// `[out_features, in_features]`
    pub shape: [usize; 2],
}

/// [`matmul`] on tensors; `x` has whole blocks. `None` where it is not on the processor, here and below.
pub(super) fn matmul_tensor(x: &Tensor<2>, weight: &Quantized) -> Option<Tensor<2>> {
    let shape = [x.dims()[0], weight.shape[0]];
    let values = values(x)?;
    let y = with_matrix(weight, |matrix| matmul(&values, matrix));
    Some(Tensor::from_data(TensorData::new(y, shape), &x.device()))
}

/// [`rows`] on tensors.
pub(super) fn rows_tensor(ids: &Tensor<1, Int>, weight: &Quantized) -> Option<Tensor<2>> {
    ids.clone().try_into_primitive::<Flex>().ok()?;
    let shape = [ids.dims()[0], weight.shape[1]];
    let device = ids.device();
    let ids = ids.clone().into_data();
    let ids: Vec<usize> = ids.iter::<i64>().map(|id| id as usize).collect();
    let rows = with_matrix(weight, |matrix| rows(&ids, matrix));
    Some(Tensor::from_data(TensorData::new(rows, shape), &device))
}

/// [`gelu_tanh`] on a tensor that needs no gradients.
pub(super) fn gelu_tanh_tensor<const D: usize>(x: &Tensor<D>) -> Option<Tensor<D>> {
    let mut values = values(x)?;
    gelu_tanh(&mut values);
    Some(Tensor::from_data(
        TensorData::new(values, x.dims()),
        &x.device(),
    ))
}

fn with_matrix<T>(weight: &Quantized, work: impl FnOnce(Matrix) -> T) -> T {
    let (words, scales) = (words_of(&weight.words), words_of(&weight.scales));
    work(Matrix {
        words: words.storage::<u32>(),
        scales: bytemuck::cast_slice(scales.storage::<u32>()),
        format: weight.format,
        shape: weight.shape,
    })
}

/// What stands in a flat tensor of words, without a copy.
fn words_of(tensor: &Tensor<1, Int>) -> <Flex as burn::backend::BackendTypes>::IntTensorPrimitive {
    match tensor.clone().try_into_primitive::<Flex>() {
        Ok(words) => words,
        Err(error) => elsewhere(&tensor.device(), error),
    }
}

/// The values of a tensor on the processor.
fn values<const D: usize>(x: &Tensor<D>) -> Option<Vec<f32>> {
    x.clone().try_into_primitive::<Flex>().ok()?;
    match x.clone().into_data().try_into_vec() {
        Ok(values) => Some(values),
        // By construction of the model.
        Err(error) => unreachable!("activations are 32-bit floats: {error:?}"),
    }
}

/// Half → float, for finite halves: four operations where the general conversion takes many.
#[inline(always)]
fn half_to_f32(bits: u16) -> f32 {
    // The exponents' biases differ by 112; the product also sets right what a half stores without leading 1.
    let magnitude =
        f32::from_bits(u32::from(bits & 0x7fff) << 13) * f32::from_bits((112 + 127) << 23);
    f32::from_bits(magnitude.to_bits() | u32::from(bits & 0x8000) << 16)
}

#[cfg(test)]
mod tests {
    use super::half_to_f32;
    use half::f16;

    #[test]
    fn every_finite_half() {
        for bits in 0..=u16::MAX {
            let half = f16::from_bits(bits);
            if half.is_finite() {
                let found = half_to_f32(bits);
                assert_eq!(found.to_bits(), half.to_f32().to_bits(), "{half}");
            }
        }
    }
}
