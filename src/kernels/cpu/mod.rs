//! Products with quantized matrices on the processor.
//!
//! Activations become 16-bit integers, with a scale for each piece of a row, so that integer dot products apply
//! (`i32x4.dot_i16x8` in wasm, `pmaddwd` on x86): twice the products of a float instruction, on weights that need
//! no conversion to floats. Sums of pieces are floats. [`rounding`] says what is lost, far less than the weights'
//! quantization has cost: `few_rows` takes the weights as they are, `many_rows` brings them into the form of the
//! activations first.

mod activations;
mod few_rows;
mod gelu;
mod lanes;
mod many_rows;
mod matmul;
mod rows;
mod softmax;

use super::{Quantized, elsewhere};
use crate::nn::Activation;
use crate::quant::QuantFormat;
use burn::backend::Flex;
use burn::tensor::{Int, Tensor, TensorData};

pub use gelu::gelu_tanh;
pub use matmul::{Rounding, matmul, rounding};
pub use rows::rows;
pub use softmax::softmax;

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

/// Whether a tensor is on the processor and needs no gradients.
pub(super) fn holds<const D: usize>(x: &Tensor<D>) -> bool {
    x.clone().try_into_primitive::<Flex>().is_ok()
}

/// The activation of each number: in one pass where there is a kernel for it.
pub(super) fn activate<const D: usize>(of: Activation, x: Tensor<D>) -> Tensor<D> {
    match of == Activation::GeluTanh && holds(&x) {
        true => in_place(x, gelu_tanh),
        false => of.by_burn(x),
    }
}

/// `x`, which is on the processor, with its values changed in place.
pub(super) fn in_place<const D: usize>(x: Tensor<D>, change: impl FnOnce(&mut [f32])) -> Tensor<D> {
    let (shape, device) = (x.dims(), x.device());
    let mut values = host_values(x);
    change(&mut values);
    Tensor::from_data(TensorData::new(values, shape), &device)
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

/// The values of a tensor on the processor; `None` where it is not there.
fn values<const D: usize>(x: &Tensor<D>) -> Option<Vec<f32>> {
    holds(x).then(|| host_values(x.clone()))
}

/// Without a copy, where `x` is all that holds them.
fn host_values<const D: usize>(x: Tensor<D>) -> Vec<f32> {
    match x.into_data().try_into_vec() {
        Ok(values) => values,
        // By construction of the model.
        Err(error) => unreachable!("activations are 32-bit floats: {error:?}"),
    }
}
