//! Products with quantized and with float matrices in WGSL, and what stands between them: norms, softmax, activations, each in
//! one pass where burn takes five to ten.
//!
//! A graphics card reads memory side by side and synchronises cheaply; a software adapter is a processor, for which a
//! barrier costs more than a block of products. So there are two kernels for few rows of activations (decoding) and two
//! for many (pictures, prompts), and [`Plan`] chooses. All of them hold 32-bit sums, stay inside WebGPU's default limits
//! and need no optional feature; of these, those for graphics cards use what [`Extras`] names where it is there, and those of
//! software for many rows have subgroups swap what they have read. No branch around a barrier depends on anything but uniforms.
//!
//! A kernel's source is put together from parts: the format's, the activation's, what stands around. It is bound to its inputs
//! in their order, the output, and a uniform of numbers.

mod attention;
#[cfg(feature = "testing")]
mod every;
mod launch;
mod products;
mod source;

use super::{Extras, MANY_ROWS, Plan};
use crate::nn::Activation;
use crate::quant::QuantFormat;
pub(super) use attention::{attend_few, attend_step, takes};
use burn::backend::Wgpu;
use burn::backend::wgpu::{CubeTensor, into_contiguous};
use burn::tensor::{DType, Int, Tensor};
#[cfg(feature = "testing")]
pub use every::sources;
use launch::{Kernel, dispatch, launch};
pub(super) use products::{matmul, matmul_gated, matmul_three, rows};
use source::{Tile, wgsl};

/// Up to this many rows the kernels for few rows are taken: they go through the matrix once for each row or two, the
/// others fill rows up to tiles of 8 or 64.
///
/// 768 × 2048, `q4`, Chromium's SwiftShader: a row takes 3.3 ms of the processor with the first and 4 rows 12; 4 or 8 rows take 7
/// with the second. On an H200, 2048 × 5120, `q4`: 8 rows take 0.025 ms with the first and 3 µs more for each further row, 16 and
/// 32 rows 0.13 ms with the second.
fn few(plan: Plan) -> usize {
    match plan {
        Plan::Software { .. } => 2,
        Plan::Hardware(_) => 32,
    }
}

/// Rows and outputs of a thread in the kernels for software adapters: the more, the less is read for each product, and the longer
/// takes the adapter's compiler.
///
/// 196 rows, 768 × 768, Chromium's SwiftShader, processor time of one call and time of the compiler in milliseconds: `q4` in 8 × 32
/// 98 and 1,300; by quads in 8 × 16 85 and 480, in 16 × 16 66 and 1,000, in 28 × 16 56 and 1,900, in 28 × 32 53 and 5,100. Floats in
/// 16 × 16 122 and 640; by quads 95 and 510, in 28 × 16 76 and 940, and where an attention has these too, a picture of SigLIP base/16
/// takes 10.6 s instead of 11.3. What it does is move numbers between registers and memory: a
/// tile of 32 × 16, whose numbers no longer stay in the nearest cache, takes longer than 28 × 16, and so does a loop over more
/// elements at a time.
const FEW_ROWS_TILE: Tile = tile(false, 1, 8);
fn many_rows_tile(quads: bool, large: bool) -> Tile {
    match (quads, large) {
        (false, _) => tile(quads, 8, 32),
        (true, false) => tile(quads, 8, 16),
        (true, true) => tile(quads, 28, 16),
    }
}
fn dense_tile(rows: usize, quads: bool, large: bool) -> Tile {
    match rows {
        1 => tile(false, 1, 16),
        ..=4 => tile(quads, 4, 16),
        _ if quads && large => tile(quads, 28, 16),
        _ => tile(quads, 16, 16),
    }
}
/// Whether a product with a matrix is worth the tiles that take the compiler longest.
fn large(rows: usize, [outputs, inner]: [usize; 2]) -> bool {
    rows >= MANY_ROWS && outputs * inner >= 100_000
}
const fn tile(quads: bool, rows: usize, outputs: usize) -> Tile {
    Tile {
        rows,
        outputs,
        quads,
    }
}

/// For each row the logarithm of the sum of the exponentials, then the ids and then the scores of the best:
/// `[rows, vocabulary]` → `[rows, 1 + 2 · count]`.
pub(super) fn best(scores: &Tensor<2>, count: usize) -> Option<Tensor<2>> {
    let scores = contiguous(scores)?;
    let (rows, vocabulary) = (scores.meta.shape()[0], scores.meta.shape()[1]);
    let shape = [rows, 1 + 2 * count];
    let numbers = [rows, vocabulary, count, 0];
    let found = launch(
        Kernel::Best,
        &[&scores],
        shape,
        [rows as u32, 1, 1],
        numbers,
    );
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

/// `a: [batch, rows, inner]` times `b: [batch or 1, …]`, which may have rows that are not read after those that are →
/// `[batch, rows, outputs]`.
pub(super) fn dense(
    a: &Tensor<3>,
    b: &Tensor<3>,
    layout: Layout,
    outputs: usize,
    plan: Plan,
) -> Option<Tensor<3>> {
    let (a, b) = (contiguous(a)?, contiguous(b)?);
    let [batch, rows, inner] = a.meta.shape().dims();
    let [b_batch, first, second]: [usize; 3] = b.meta.shape().dims();
    let across = |size: usize, tile: usize| size.div_ceil(tile) as u32;
    let (kernel, count) = match plan {
        // Along the inner dimension side by side: where the second factor lies so.
        Plan::Hardware(_) if rows <= few(plan) && layout == Layout::Nt => (
            Kernel::DenseFew(layout),
            [across(outputs, 4), rows as u32, batch as u32],
        ),
        Plan::Hardware(_) => (
            Kernel::DenseTiles(layout),
            [across(outputs, 64), across(rows, 64), batch as u32],
        ),
        Plan::Software { quads } => {
            // What an attention multiplies gets larger with every token; all its heads together are as wide as the model.
            let matrix = match layout {
                Layout::Nt if b_batch == 1 => [outputs, inner],
                Layout::Nt => [batch * inner; 2],
                Layout::Nn => [batch * outputs; 2],
            };
            let tile = dense_tile(rows, quads, large(rows, matrix));
            let [x, y] = workgroups_of_tiles([rows, outputs], tile);
            (Kernel::DenseThreads(layout, tile), [x, y, batch as u32])
        }
    };
    let of_one = if b_batch == 1 { 0 } else { first * second };
    let numbers = [rows, outputs, inner, of_one];
    let y = launch(kernel, &[&a, &b], [batch, rows, outputs], count, numbers);
    Some(Tensor::from_primitive::<Wgpu>(y))
}

/// `x / sqrt(mean(x²) + eps) · weight` over the last dimension.
pub(super) fn rms_norm<const D: usize>(
    x: &Tensor<D>,
    weight: &Tensor<1>,
    eps: f64,
    plan: Plan,
) -> Option<Tensor<D>> {
    let inputs = [contiguous(x)?, contiguous(weight)?];
    norm(Kernel::RmsNorm(plan), inputs, eps, plan)
}

/// `(x - mean(x)) / sqrt(var(x) + eps) · weight + bias` over the last dimension.
pub(super) fn layer_norm<const D: usize>(
    x: &Tensor<D>,
    weight: &Tensor<1>,
    bias: &Tensor<1>,
    eps: f64,
    plan: Plan,
) -> Option<Tensor<D>> {
    let inputs = [contiguous(x)?, contiguous(weight)?, contiguous(bias)?];
    norm(Kernel::LayerNorm(plan), inputs, eps, plan)
}

fn norm<const D: usize, const N: usize>(
    kernel: Kernel,
    inputs: [CubeTensor; N],
    eps: f64,
    plan: Plan,
) -> Option<Tensor<D>> {
    let shape: [usize; D] = inputs[0].meta.shape().dims();
    let (rows, width) = rows_of(shape);
    let numbers = [rows, width, (eps as f32).to_bits() as usize, 0];
    let y = launch(kernel, &inputs.each_ref(), shape, grid(rows, plan), numbers);
    Some(Tensor::from_primitive::<Wgpu>(y))
}

/// `softmax(scale · scores + bias)`: `[batch, heads, query, key]`; `bias: [1 or batch, 1 or heads, 1 or query, key]`.
pub(super) fn softmax(
    scores: &Tensor<4>,
    bias: Option<&Tensor<4>>,
    scale: f64,
    plan: Plan,
) -> Option<Tensor<4>> {
    let scores = contiguous(scores)?;
    let shape: [usize; 4] = scores.meta.shape().dims();
    let [_, heads, queries, width] = shape;
    let (rows, _) = rows_of(shape);
    let scale = (scale as f32).to_bits() as usize;
    let numbers =
        |[entry, head, query]: [usize; 3]| [rows, width, heads, queries, entry, head, query, scale];
    let workgroups = grid(rows, plan);
    let kernel = Kernel::Softmax {
        plan,
        biased: bias.is_some(),
    };
    let y = match bias {
        None => launch(kernel, &[&scores], shape, workgroups, numbers([0; 3])),
        Some(bias) => {
            let bias = contiguous(bias)?;
            let strides = bias_strides(&bias);
            let inputs = [&scores, &bias];
            launch(kernel, &inputs, shape, workgroups, numbers(strides))
        }
    };
    Some(Tensor::from_primitive::<Wgpu>(y))
}

/// How far apart the rows of a bias are, `[1 or batch, 1 or heads, 1 or query, key]`: entry to entry, head to head, query to
/// query; 0 where one serves all.
fn bias_strides(bias: &CubeTensor) -> [usize; 3] {
    let [b, h, q, key]: [usize; 4] = bias.meta.shape().dims();
    let apart = |size: usize, distance: usize| if size == 1 { 0 } else { distance };
    [apart(b, h * q * key), apart(h, q * key), apart(q, key)]
}

/// The activation of each number, times `linear` where it is a gate. `None` for [`Activation::Gelu`] as well, whose error
/// function WGSL has not.
pub(super) fn activate<const D: usize>(
    of: Activation,
    x: &Tensor<D>,
    linear: Option<&Tensor<D>>,
) -> Option<Tensor<D>> {
    if of == Activation::Gelu {
        return None;
    }
    let x = contiguous(x)?;
    let shape: [usize; D] = x.meta.shape().dims();
    let count: usize = shape.iter().product();
    let workgroups = in_two_dimensions(count.div_ceil(4 * 64));
    let numbers = [count, workgroups[0] as usize, 0, 0];
    let kernel = Kernel::Activation {
        of,
        gated: linear.is_some(),
    };
    let y = match linear {
        None => launch(kernel, &[&x], shape, workgroups, numbers),
        Some(linear) => {
            let inputs = [&x, &contiguous(linear)?];
            launch(kernel, &inputs, shape, workgroups, numbers)
        }
    };
    Some(Tensor::from_primitive::<Wgpu>(y))
}

/// Writes one token's keys and values, `[rows, heads, 1, width]`, into their places among those of all, `[rows, heads, room,
/// width]`: in place, whoever else holds these.
pub(super) fn append(
    [keys, values]: [&Tensor<4>; 2],
    [key, value]: [&Tensor<4>; 2],
    position: usize,
) -> Option<[Tensor<4>; 2]> {
    let (keys, values) = (contiguous(keys)?, contiguous(values)?);
    let (key, value) = (contiguous(key)?, contiguous(value)?);
    let [rows, heads, room, width]: [usize; 4] = keys.meta.shape().dims();
    let count = rows * heads * width;
    dispatch(
        Kernel::Append,
        &[&key, &value, &keys, &values],
        in_two_dimensions(count.div_ceil(64)),
        [count, width, room, position],
    );
    Some([keys, values].map(Tensor::from_primitive::<Wgpu>))
}

/// The tensor with its numbers in a row, copied if they are not.
pub(super) fn in_a_row<const D: usize>(x: &Tensor<D>) -> Option<Tensor<D>> {
    Some(Tensor::from_primitive::<Wgpu>(contiguous(x)?))
}

/// The last dimension, and how often it is there.
fn rows_of<const D: usize>(shape: [usize; D]) -> (usize, usize) {
    (shape[..D - 1].iter().product(), shape[D - 1])
}

/// Workgroups for so many rows.
fn grid(rows: usize, plan: Plan) -> [u32; 3] {
    in_two_dimensions(match plan {
        Plan::Hardware(_) => rows,
        Plan::Software { .. } => rows.div_ceil(64),
    })
}

/// Workgroups of the kernels whose threads take a tile each, along the outputs and along the rows: four threads along the outputs,
/// as many as a software adapter computes at once.
fn workgroups_of_tiles([rows, outputs]: [usize; 2], tile: Tile) -> [u32; 2] {
    [
        outputs.div_ceil(4 * tile.outputs) as u32,
        rows.div_ceil(tile.rows) as u32,
    ]
}

/// WebGPU takes 65,535 workgroups in one dimension at most.
fn in_two_dimensions(workgroups: usize) -> [u32; 3] {
    // As in the rows' sources.
    const GRID: usize = 32_768;
    let (x, y) = (workgroups.min(GRID), workgroups.div_ceil(GRID));
    [x as u32, y as u32, 1]
}

/// The part of a kernel's source in which a workgroup's threads put their numbers together, and `main`. The kernels of
/// software have no such thing.
fn threads(plan: Plan) -> &'static str {
    match plan {
        Plan::Hardware(extras) if extras.subgroups => wgsl!("subgroups.wgsl"),
        Plan::Hardware(_) => wgsl!("workgroup.wgsl"),
        Plan::Software { .. } => "",
    }
}

/// The type of an array of scales, and how one of them is read from that of matrix `#`.
fn scales(extras: Extras) -> (&'static str, &'static str) {
    match extras.halves {
        true => (
            "alias Scales = array<f16>;\n",
            wgsl!("scale_of_halves.wgsl"),
        ),
        false => ("alias Scales = array<u32>;\n", wgsl!("scale_of_words.wgsl")),
    }
}

/// The part of a kernel's source that deals out rows.
fn row(plan: Plan) -> &'static str {
    match plan {
        Plan::Hardware(_) => wgsl!("row_of_workgroup.wgsl"),
        Plan::Software { .. } => wgsl!("row_of_thread.wgsl"),
    }
}

/// The activation's part of a kernel's source.
fn activation(of: Activation) -> String {
    let text = match of {
        Activation::Relu => "max(x, 0.0)",
        // 0.5 (1 + tanh(u)) is sigmoid(2 u).
        Activation::GeluTanh => "x * sigmoid(x * (1.5957691 + 0.07135482 * x * x))",
        Activation::QuickGelu => "x * sigmoid(1.702 * x)",
        Activation::Silu => "x * sigmoid(x)",
        Activation::Gelu => unreachable!("no kernel for GELU with the error function"),
    };
    let sigmoid = wgsl!("sigmoid.wgsl");
    format!("{sigmoid}fn activation(x: f32) -> f32 {{ return {text}; }}\n")
}

/// The layout's part of a kernel's source.
fn layout(layout: Layout) -> &'static str {
    match layout {
        Layout::Nt => wgsl!("dense_nt.wgsl"),
        Layout::Nn => wgsl!("dense_nn.wgsl"),
    }
}

fn primitive<const D: usize>(tensor: &Tensor<D>) -> Option<CubeTensor> {
    tensor.clone().try_into_primitive::<Wgpu>().ok()
}

fn contiguous<const D: usize>(tensor: &Tensor<D>) -> Option<CubeTensor> {
    primitive(tensor).map(into_contiguous)
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

/// The format's part of the source of a kernel for software adapters, for matrix `#`.
fn quarter(format: QuantFormat) -> &'static str {
    match format {
        QuantFormat::Q8 => wgsl!("quarter_q8.wgsl"),
        QuantFormat::Q4 => wgsl!("quarter_q4.wgsl"),
    }
}

/// The format's part of a kernel's source.
fn prelude(format: QuantFormat) -> &'static str {
    match format {
        QuantFormat::Q8 => wgsl!("q8.wgsl"),
        QuantFormat::Q4 => wgsl!("q4.wgsl"),
    }
}
