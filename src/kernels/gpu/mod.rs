//! Products with quantized and with float matrices in WGSL.
//!
//! A graphics card reads memory side by side and synchronises cheaply; a software adapter is a processor, for which a
//! barrier costs more than a block of products. So there are two kernels for few rows of activations (decoding) and two
//! for many (pictures, prompts), and [`Plan`] chooses. All of them hold 32-bit sums, stay inside WebGPU's default limits
//! and use no optional feature. No branch around a barrier depends on anything but uniforms.
//!
//! Bindings of each: activations or ids, words, scales, output, and a uniform of four numbers.

mod launch;

use super::{Plan, Quantized};
use crate::quant::{QuantFormat, blocks};
use burn::backend::Wgpu;
use burn::backend::wgpu::{CubeTensor, into_contiguous};
use burn::tensor::{DType, Int, Tensor};
use launch::{Kernel, launch};

/// Up to this many rows the kernels for few rows are taken: they go through the matrix once for each row or two, the
/// others fill rows up to tiles of 4 or 64.
///
/// `pali3 bench --device wgpu --inputs 1024 --outputs 1024` on Mesa's software Vulkan, `q8`: 8 rows take 2.3 ms with the
/// first, 9 rows 4.3 ms and 16 rows 6.5 ms with the second. On a graphics card it has not been measured yet.
const FEW: usize = 8;

/// `x Wᵀ`; `x: [rows, blocks · BLOCK]` → `[rows, out_features]`. `None` where the tensor is not on the GPU, here and below.
pub(super) fn matmul(x: &Tensor<2>, weight: &Quantized, plan: Plan) -> Option<Tensor<2>> {
    let x = primitive(x)?;
    let rows = x.meta.shape()[0];
    let outputs = weight.shape[0];
    let across = |size: usize, tile: usize| size.div_ceil(tile) as u32;
    let (kernel, count) = match (rows <= FEW, plan) {
        (true, Plan::Software) => (
            Kernel::FewRowsThreads(weight.format),
            [across(outputs, 4 * 64), rows as u32],
        ),
        (true, Plan::Hardware) => (
            Kernel::FewRowsWorkgroup(weight.format),
            [across(outputs, 4), across(rows, 2)],
        ),
        (false, Plan::Software) => (
            Kernel::ManyRowsThreads(weight.format),
            [across(outputs, 4 * 8), across(rows, 4 * 8)],
        ),
        (false, Plan::Hardware) => (
            Kernel::ManyRowsTiles(weight.format),
            [across(outputs, 64), across(rows, 64)],
        ),
    };
    let y = on_matrix(kernel, into_contiguous(x), weight, [rows, outputs], count);
    Some(y)
}

/// The rows of these ids; `ids: [n]` → `[n, in_features]`.
pub(super) fn rows(ids: &Tensor<1, Int>, weight: &Quantized) -> Option<Tensor<2>> {
    let ids = signed(ids.clone()).try_into_primitive::<Wgpu>().ok()?;
    let (ids, [_, in_features]) = (into_contiguous(ids), weight.shape);
    let shape = [ids.meta.shape()[0], in_features];
    let quarters = blocks(in_features) * 4;
    let count = [quarters.div_ceil(64) as u32, shape[0] as u32];
    let y = on_matrix(Kernel::Rows(weight.format), ids, weight, shape, count);
    Some(y)
}

fn on_matrix(
    kernel: Kernel,
    input: CubeTensor,
    weight: &Quantized,
    shape: [usize; 2],
    count: [u32; 2],
) -> Tensor<2> {
    let (words, scales) = (on_gpu(&weight.words), on_gpu(&weight.scales));
    let [outputs, in_features] = weight.shape;
    let numbers = [shape[0], outputs, blocks(in_features), in_features];
    let inputs = [&input, &words, &scales];
    let count = [count[0], count[1], 1];
    Tensor::from_primitive::<Wgpu>(launch(kernel, inputs, shape, count, numbers))
}

/// For each row the logarithm of the sum of the exponentials, then the ids and then the scores of the best:
/// `[rows, vocabulary]` → `[rows, 1 + 2 · count]`.
pub(super) fn best(scores: &Tensor<2>, count: usize) -> Option<Tensor<2>> {
    let scores = into_contiguous(primitive(scores)?);
    let (rows, vocabulary) = (scores.meta.shape()[0], scores.meta.shape()[1]);
    let shape = [rows, 1 + 2 * count];
    let numbers = [rows, vocabulary, count, 0];
    let found = launch(Kernel::Best, [&scores], shape, [rows as u32, 1, 1], numbers);
    Some(Tensor::from_primitive::<Wgpu>(found))
}

/// How the second factor of a product of floats lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Layout {
    /// `[outputs, inner]`
    Nt,
    /// `[inner, outputs]`
    Nn,
}

/// `a: [batch, rows, inner]` times `b: [batch or 1, …]` → `[batch, rows, outputs]`.
pub(super) fn dense(a: &Tensor<3>, b: &Tensor<3>, layout: Layout, plan: Plan) -> Option<Tensor<3>> {
    let (a, b) = (
        into_contiguous(primitive(a)?),
        into_contiguous(primitive(b)?),
    );
    let [batch, rows, inner] = a.meta.shape().dims();
    let [b_batch, first, second]: [usize; 3] = b.meta.shape().dims();
    let outputs = match layout {
        Layout::Nt => first,
        Layout::Nn => second,
    };
    let across = |size: usize, tile: usize| size.div_ceil(tile) as u32;
    let (kernel, count) = match plan {
        // Along the inner dimension side by side: where the second factor lies so.
        Plan::Hardware if rows <= FEW && layout == Layout::Nt => (
            Kernel::DenseFew(layout),
            [across(outputs, 4), rows as u32, batch as u32],
        ),
        Plan::Hardware => (
            Kernel::DenseTiles(layout),
            [across(outputs, 64), across(rows, 64), batch as u32],
        ),
        Plan::Software => (
            Kernel::DenseThreads(layout),
            [across(outputs, 4 * 8), across(rows, 8 * 8), batch as u32],
        ),
    };
    let of_one = if b_batch == 1 { 0 } else { first * second };
    let numbers = [rows, outputs, inner, of_one];
    let y = launch(kernel, [&a, &b], [batch, rows, outputs], count, numbers);
    Some(Tensor::from_primitive::<Wgpu>(y))
}

/// The layout's part of a kernel's source.
fn layout(layout: Layout) -> &'static str {
    match layout {
        Layout::Nt => include_str!("dense_nt.wgsl"),
        Layout::Nn => include_str!("dense_nn.wgsl"),
    }
}

fn primitive<const D: usize>(tensor: &Tensor<D>) -> Option<CubeTensor> {
    tensor.clone().try_into_primitive::<Wgpu>().ok()
}

/// A weight's words or scales on the GPU.
fn on_gpu(tensor: &Tensor<1, Int>) -> CubeTensor {
    match tensor.clone().try_into_primitive::<Wgpu>() {
        Ok(tensor) => tensor,
        // Both operands come from one model on one device.
        Err(error) => {
            unreachable!("a quantized matrix on another device than its input: {error:?}")
        }
    }
}

/// Ids as the kernel reads them.
fn signed(ids: Tensor<1, Int>) -> Tensor<1, Int> {
    match ids.dtype() {
        DType::I32 => ids,
        _ => ids.cast(DType::I32),
    }
}

/// The format's part of a kernel's source.
fn prelude(format: QuantFormat) -> &'static str {
    match format {
        QuantFormat::Q8 => include_str!("q8.wgsl"),
        QuantFormat::Q4 => include_str!("q4.wgsl"),
    }
}
