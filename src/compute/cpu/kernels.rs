//! The processor's kernels on tensors.

use super::attention::{self, Inputs, Shape, Strided};
use super::{Matrix, gelu_tanh, matmul, rows, softmax};
use crate::compute::activation::ActivationKernel;
use crate::compute::attention::AttentionKernels;
use crate::compute::contiguous::ContiguousKernel;
use crate::compute::dense::{DenseKernel, Rhs, rhs_matrix};
use crate::compute::product::ProductKernels;
use crate::compute::rows::RowsKernel;
use crate::compute::softmax::{SoftmaxKernel, scaled};
use crate::compute::{Activation, Epilogue, QuantizedMatrix, unsupported};
use burn::backend::Flex;
use burn::backend::ops::FloatTensorOps;
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::tensor::{Int, Tensor, TensorData};
use std::ops::Range;

/// The processor.
pub(in crate::compute) struct Cpu;

impl ProductKernels for Cpu {
    fn product(
        x: &Tensor<2>,
        weight: &QuantizedMatrix,
        epilogue: Epilogue,
    ) -> Result<Tensor<2>, Epilogue> {
        let Ok(flat) = x.clone().try_into_primitive::<Flex>() else {
            return Err(epilogue);
        };
        let shape = [x.dims()[0], weight.shape[0]];
        let flat = flat.to_contiguous();
        let values = &flat.storage::<f32>()[range(&flat)];
        let y = with_matrix(weight, |matrix| matmul(values, matrix));
        let y = Tensor::from_data(TensorData::new(y, shape), &x.device());
        Ok(epilogue.apply(y))
    }
}

impl RowsKernel for Cpu {
    fn rows(ids: &Tensor<1, Int>, weight: &QuantizedMatrix) -> Option<Tensor<2>> {
        ids.clone().try_into_primitive::<Flex>().ok()?;
        let shape = [ids.dims()[0], weight.shape[1]];
        let device = ids.device();
        let ids = ids.clone().into_data();
        let ids: Vec<usize> = ids.iter::<i64>().map(|id| id as usize).collect();
        let rows = with_matrix(weight, |matrix| rows(&ids, matrix));
        Some(Tensor::from_data(TensorData::new(rows, shape), &device))
    }
}

impl DenseKernel for Cpu {
    fn dense(a: &Tensor<3>, b: &Tensor<3>, rhs: Rhs, outputs: usize) -> Option<Tensor<3>> {
        let inner = a.dims()[2];
        let a = a.clone().try_into_primitive::<Flex>().ok()?;
        let b = rhs_matrix(b.clone(), rhs, inner, outputs);
        let b = b.try_into_primitive::<Flex>().ok()?;
        Some(Tensor::from_primitive::<Flex>(Flex::float_matmul(a, b)))
    }
}

impl ActivationKernel for Cpu {
    fn activate<const D: usize>(
        activation: Activation,
        x: Tensor<D>,
        linear: Option<&Tensor<D>>,
    ) -> Result<Tensor<D>, Tensor<D>> {
        if activation != Activation::GeluTanh {
            return Err(x);
        }
        let activated = in_place(x, gelu_tanh)?;
        Ok(match linear {
            Some(linear) => activated * linear.clone(),
            None => activated,
        })
    }
}

impl SoftmaxKernel for Cpu {
    fn softmax(
        scores: Tensor<4>,
        bias: Option<&Tensor<4>>,
        scale: f64,
    ) -> Result<Tensor<4>, Tensor<4>> {
        if !on_processor(&scores) {
            return Err(scores);
        }
        let width = scores.dims()[3];
        let (scores, scale) = match bias {
            Some(bias) => (scaled(scores, scale) + bias.clone(), 1.0),
            None => (scores, scale),
        };
        in_place(scores, |values| softmax(values, width, scale as f32))
    }
}

impl ContiguousKernel for Cpu {
    fn contiguous<const D: usize>(x: Tensor<D>) -> Result<Tensor<D>, Tensor<D>> {
        in_place(x, |_| ())
    }
}

impl AttentionKernels for Cpu {
    /// `None` also for fewer queries than are worth packing keys and values for.
    fn attend_many(
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
        let shape = Shape {
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
            queries: strided(&queries),
            keys: strided(&keys),
            values: strided(&values),
            bias: bias.as_ref().map(strided),
            scale: scale as f32,
        };
        let y = attention::attend(shape, inputs);
        let y = TensorData::new(y, [batch, shape.queries, heads, width]);
        Some(Tensor::<4>::from_data(y, &q.device()).swap_dims(1, 2))
    }
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
fn strided(x: &FloatTensor<Flex>) -> Strided<'_> {
    let layout = x.layout();
    // Nothing here turns a dimension round.
    let stride = |d: usize| match layout.shape()[d] {
        1 => 0,
        _ => layout.strides()[d] as usize,
    };
    Strided {
        values: &x.storage::<f32>()[layout.start_offset()..],
        strides: [stride(0), stride(1), stride(2)],
    }
}

/// Whether a tensor is on the processor and needs no gradients.
fn on_processor<const D: usize>(x: &Tensor<D>) -> bool {
    x.clone().try_into_primitive::<Flex>().is_ok()
}

/// `x` with its values changed in place; `Err` gives it back where it is not on the processor.
fn in_place<const D: usize>(
    x: Tensor<D>,
    change: impl FnOnce(&mut [f32]),
) -> Result<Tensor<D>, Tensor<D>> {
    if !on_processor(&x) {
        return Err(x);
    }
    let x = match x.try_into_primitive::<Flex>() {
        Ok(x) => x,
        Err(error) => unreachable!("on the processor, and then not: {error:?}"),
    };
    // Copies only where the values lie in another order, or where somebody else still holds them.
    let mut flat = x.to_contiguous();
    drop(x);
    let range = range(&flat);
    change(&mut flat.storage_mut::<f32>()[range]);
    Ok(Tensor::from_primitive::<Flex>(flat))
}

/// Where the values of a contiguous tensor are in what it holds.
fn range(flat: &FloatTensor<Flex>) -> Range<usize> {
    let start = flat.layout().start_offset();
    start..start + flat.layout().num_elements()
}

fn with_matrix<T>(weight: &QuantizedMatrix, work: impl FnOnce(Matrix) -> T) -> T {
    let (words, scales) = (words_of(&weight.words), words_of(&weight.scales));
    work(Matrix {
        words: words.storage::<u32>(),
        scales: bytemuck::cast_slice(scales.storage::<u32>()),
        format: weight.format,
        shape: weight.shape,
    })
}

/// What stands in a flat tensor of words, without a copy.
fn words_of(tensor: &Tensor<1, Int>) -> IntTensor<Flex> {
    match tensor.clone().try_into_primitive::<Flex>() {
        Ok(words) => words,
        Err(_) => unsupported(&tensor.device()),
    }
}
