//! Products with quantized matrices on the processor, and attention.
//!
//! Activations become 16-bit integers, with a scale for each piece of a row, so that integer dot products apply
//! (`i32x4.dot_i16x8` in wasm, `pmaddwd` on x86): twice the products of a float instruction, on weights that need
//! no conversion to floats. Sums of pieces are floats. [`rounding`] says what is lost, far less than the weights'
//! quantization has cost: `few_rows` takes the weights as they are, `many_rows` brings them into the form of the
//! activations first.

mod activations;
mod aligned;
mod attention;
mod few_rows;
mod gelu;
mod lanes;
mod many_rows;
mod matmul;
mod parts;
mod rows;
mod softmax;

use super::{Quantized, elsewhere};
use crate::nn::Activation;
use crate::quant::QuantFormat;
use attention::{Inputs, Rows, Size, attend};
use burn::backend::Flex;
use burn::backend::tensor::FloatTensor;
use burn::tensor::{Int, Tensor, TensorData};
use std::ops::Range;

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
    let in_a_row = x.clone().try_into_primitive::<Flex>().ok()?.to_contiguous();
    let values = &in_a_row.storage::<f32>()[range(&in_a_row)];
    let y = with_matrix(weight, |matrix| matmul(values, matrix));
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

/// [`attend`] on tensors, over the first `length` of keys and values, `[batch, heads, length or more, width]`:
/// `q: [batch, heads, queries, width]` → the same; `bias: [1 or batch, 1 or heads, 1 or queries, length]`. `None` also for
/// fewer queries than are worth packing keys and values for.
pub(super) fn attend_tensors(
    q: &Tensor<4>,
    [keys, values]: [&Tensor<4>; 2],
    length: usize,
    bias: Option<&Tensor<4>>,
    scale: f64,
) -> Option<Tensor<4>> {
    let [batch, heads, queries, width] = q.dims();
    if queries < attention::ROWS {
        return None;
    }
    let size = Size {
        batch,
        heads,
        queries,
        length,
        width,
    };
    let (queries, keys, values) = (in_rows(q)?, in_rows(keys)?, in_rows(values)?);
    let bias = match bias {
        Some(bias) => Some(in_rows(bias)?),
        None => None,
    };
    let inputs = Inputs {
        queries: rows_of(&queries),
        keys: rows_of(&keys),
        values: rows_of(&values),
        bias: bias.as_ref().map(rows_of),
        scale: scale as f32,
    };
    let shape = [batch, size.queries, heads, width];
    let y = TensorData::new(attend(size, inputs), shape);
    Some(Tensor::<4>::from_data(y, &q.device()).swap_dims(1, 2))
}

/// A tensor whose last dimension's numbers lie side by side: as it is, or else copied.
fn in_rows(x: &Tensor<4>) -> Option<FloatTensor<Flex>> {
    let x = x.clone().try_into_primitive::<Flex>().ok()?;
    match x.layout().strides() {
        [.., 1] => Some(x),
        _ => Some(x.to_contiguous()),
    }
}

/// Its rows.
fn rows_of(x: &FloatTensor<Flex>) -> Rows<'_> {
    let layout = x.layout();
    // Nothing here turns a dimension round.
    let stride = |d: usize| match layout.shape()[d] {
        1 => 0,
        _ => layout.strides()[d] as usize,
    };
    Rows {
        values: &x.storage::<f32>()[layout.start_offset()..],
        strides: [stride(0), stride(1), stride(2)],
    }
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
    let x = match x.try_into_primitive::<Flex>() {
        Ok(x) => x,
        Err(error) => unreachable!("not on the processor: {error:?}"),
    };
    // Copies only where the values lie in another order, or where somebody else still holds them.
    let mut in_a_row = x.to_contiguous();
    drop(x);
    let range = range(&in_a_row);
    change(&mut in_a_row.storage_mut::<f32>()[range]);
    Tensor::from_primitive::<Flex>(in_a_row)
}

/// Where the values of a tensor that has them in a row are in what it holds.
fn range(in_a_row: &FloatTensor<Flex>) -> Range<usize> {
    let start = in_a_row.layout().start_offset();
    start..start + in_a_row.layout().num_elements()
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
