//! Arithmetic: on quantized matrices as they are stored, no float copy of one is ever made, on float matrices, and what stands
//! between products: norms, softmax, activations.
//!
//! | folder | what |
//! |---|---|
//! | `cpu` | the processor's, natively and in wasm: activations as 16-bit integers, integer dot products; attention |
//! | `gpu` | WGSL, one file a kernel, and the choice between them |
//! | `dense` | products of float matrices, on whichever device they are |

#[cfg(feature = "cpu")]
pub mod cpu;
pub(crate) mod dense;
pub mod device;
pub(crate) mod exponential;
#[cfg(feature = "webgpu")]
pub mod gpu;
mod plan;

use crate::error::Result;
use crate::generation::BestTokens;
use crate::nn::Activation;
use crate::quant::{BLOCK, QuantFormat};
use burn::tensor::{Device, Int, Tensor, TensorData, module, s};
pub use plan::{Extras, Plan, adapter_has, adapter_has_quads, adapter_is_software};

/// A matrix in blocks, on a device.
#[derive(Debug, Clone)]
pub struct Quantized {
    /// The blocks' integers, `u32`, flat: rows of `format.words_per_row(in_features)`.
    pub words: Tensor<1, Int>,
    /// The blocks' scales, halves two to a `u32`, flat: rows of `blocks(in_features)` halves with nothing between.
    pub scales: Tensor<1, Int>,
    /// What a block looks like.
    pub format: QuantFormat,
    /// `[out_features, in_features]`
    pub shape: [usize; 2],
}

impl Quantized {
    /// A matrix from host memory: `scales` are halves.
    pub fn new(
        format: QuantFormat,
        shape: [usize; 2],
        words: Vec<u32>,
        scales: &[half::f16],
        device: &Device,
    ) -> Self {
        Self {
            words: upload(words, device),
            scales: upload(pair(scales), device),
            format,
            shape,
        }
    }
}

/// Words → a flat tensor on the device.
pub(crate) fn upload(words: Vec<u32>, device: &Device) -> Tensor<1, Int> {
    let shape = [words.len()];
    let data = TensorData::new(words, shape);
    Tensor::from_data(data, (device, burn::tensor::DType::U32))
}

/// Halves two to a word, the first one low.
pub(crate) fn pair(halves: &[half::f16]) -> Vec<u32> {
    halves
        .chunks(2)
        .map(|pair| {
            let high = pair.get(1).map_or(0, |high| high.to_bits());
            u32::from(pair[0].to_bits()) | u32::from(high) << 16
        })
        .collect()
}

/// What is added to a product on its way out.
#[derive(Debug, Clone, Default)]
pub struct Added {
    /// To each row, `[out_features]`.
    pub bias: Option<Tensor<1>>,
    /// `[rows, out_features]`
    pub onto: Option<Tensor<2>>,
}

impl Added {
    /// The sum with a product that came out alone.
    pub(crate) fn to(self, product: Tensor<2>) -> Tensor<2> {
        let y = match self.bias {
            Some(bias) => product + bias.unsqueeze(),
            None => product,
        };
        match self.onto {
            Some(onto) => onto + y,
            None => y,
        }
    }
}

/// From so many rows on some kernels are others, which take longer to compile: a warm-up has as many.
pub(crate) const MANY_ROWS: usize = 100;

/// `x Wᵀ` and what is added: `[rows, in_features]` → `[rows, out_features]`, sums in 32-bit floats.
///
/// # Panics
/// When the tensors are not on one device, or on one that trains: a model is never built so.
pub fn matmul(x: Tensor<2>, weight: &Quantized, added: Added) -> Tensor<2> {
    matmul_as(x, weight, added, Plan::of_adapter())
}

/// [`matmul`] with the GPU kernels that `plan` names.
pub(crate) fn matmul_as(x: Tensor<2>, weight: &Quantized, added: Added, plan: Plan) -> Tensor<2> {
    let x = whole_blocks(x);
    #[cfg(feature = "webgpu")]
    if let Some(y) = gpu::matmul(&x, weight, &added, plan) {
        return y;
    }
    #[cfg(feature = "cpu")]
    if let Some(y) = cpu::matmul_tensor(&x, weight) {
        return added.to(y);
    }
    elsewhere(&x.device(), plan)
}

/// `x Wᵀ` of three different matrices at once, `[rows, in_features]` → `[3, rows, out_features]`; `None` where that is not quicker than one
/// after the other.
pub(crate) fn matmul_three(
    x: &Tensor<2>,
    weights: [&Quantized; 3],
    plan: Plan,
) -> Option<Tensor<3>> {
    #[cfg(feature = "webgpu")]
    return gpu::matmul_three(&whole_blocks(x.clone()), weights, plan);
    #[cfg(not(feature = "webgpu"))]
    {
        let _ = (x, weights, plan);
        None
    }
}

/// `activation(x W₀ᵀ) · x W₁ᵀ`: `[rows, in_features]` → `[rows, out_features]`, as [`matmul`].
pub(crate) fn matmul_gated(
    x: Tensor<2>,
    [gate, linear]: [&Quantized; 2],
    of: Activation,
    plan: Plan,
) -> Tensor<2> {
    let x = whole_blocks(x);
    #[cfg(feature = "webgpu")]
    if let Some(y) = gpu::matmul_gated(&x, [gate, linear], of, plan) {
        return y;
    }
    let product = |x, weight| matmul_as(x, weight, Added::default(), plan);
    let gate = product(x.clone(), gate);
    activate(of, gate, Some(product(x, linear)))
}

/// The matrix' rows of these ids as floats: `[n]` → `[n, in_features]`.
///
/// # Panics
/// As [`matmul`].
pub fn rows(ids: Tensor<1, Int>, weight: &Quantized) -> Tensor<2> {
    #[cfg(feature = "webgpu")]
    if let Some(y) = gpu::rows(&ids, weight) {
        return y;
    }
    #[cfg(feature = "cpu")]
    if let Some(y) = cpu::rows_tensor(&ids, weight) {
        return y;
    }
    elsewhere(&ids.device(), weight)
}

/// Both operands come from one model, on a device that this build has.
fn elsewhere(device: &Device, with: impl std::fmt::Debug) -> ! {
    unreachable!("no kernel on {device:?} for {with:?}")
}

/// `x / sqrt(mean(x²) + eps) · weight` over the last dimension.
pub(crate) fn rms_norm<const D: usize>(x: Tensor<D>, weight: Tensor<1>, eps: f64) -> Tensor<D> {
    rms_norm_as(x, weight, eps, Plan::of_adapter())
}

/// [`rms_norm`] with the GPU kernel that `plan` names.
pub(crate) fn rms_norm_as<const D: usize>(
    x: Tensor<D>,
    weight: Tensor<1>,
    eps: f64,
    plan: Plan,
) -> Tensor<D> {
    #[cfg(feature = "webgpu")]
    if let Some(y) = gpu::rms_norm(&x, &weight, eps, plan) {
        return y;
    }
    by_burn(x, plan, |x| {
        let mean_square = x.clone().square().mean_dim(D - 1);
        let rstd = mean_square.add_scalar(eps).sqrt().recip();
        x * rstd * weight.unsqueeze()
    })
}

/// `(x - mean(x)) / sqrt(var(x) + eps) · weight + bias` over the last dimension.
pub(crate) fn layer_norm<const D: usize>(
    x: Tensor<D>,
    weight: Tensor<1>,
    bias: Tensor<1>,
    eps: f64,
) -> Tensor<D> {
    layer_norm_as(x, weight, bias, eps, Plan::of_adapter())
}

/// [`layer_norm`] with the GPU kernel that `plan` names.
pub(crate) fn layer_norm_as<const D: usize>(
    x: Tensor<D>,
    weight: Tensor<1>,
    bias: Tensor<1>,
    eps: f64,
    plan: Plan,
) -> Tensor<D> {
    #[cfg(feature = "webgpu")]
    if let Some(y) = gpu::layer_norm(&x, &weight, &bias, eps, plan) {
        return y;
    }
    by_burn(x, plan, |x| module::layer_norm(x, weight, Some(bias), eps))
}

/// The activation of each number, times `linear` where it is a gate for that.
pub(crate) fn activate<const D: usize>(
    of: Activation,
    x: Tensor<D>,
    linear: Option<Tensor<D>>,
) -> Tensor<D> {
    #[cfg(feature = "webgpu")]
    if let Some(y) = gpu::activate(of, &x, linear.as_ref()) {
        return y;
    }
    #[cfg(feature = "cpu")]
    let activated = cpu::activate(of, x);
    #[cfg(not(feature = "cpu"))]
    let activated = of.by_burn(x);
    match linear {
        Some(linear) => activated * linear,
        None => activated,
    }
}

/// `softmax(scale · scores + bias)` over the last dimension; `bias: [1 or batch, 1 or heads, 1 or query, key]`.
pub(crate) fn softmax(scores: Tensor<4>, bias: Option<Tensor<4>>, scale: f64) -> Tensor<4> {
    softmax_as(scores, bias, scale, Plan::of_adapter())
}

/// [`softmax`] with the GPU kernel that `plan` names.
pub(crate) fn softmax_as(
    scores: Tensor<4>,
    bias: Option<Tensor<4>>,
    scale: f64,
    plan: Plan,
) -> Tensor<4> {
    #[cfg(feature = "webgpu")]
    if let Some(y) = gpu::softmax(&scores, bias.as_ref(), scale, plan) {
        return y;
    }
    let (scores, scale) = match bias {
        Some(bias) => (scaled(scores, scale) + bias, 1.0),
        None => (scores, scale),
    };
    #[cfg(feature = "cpu")]
    if cpu::holds(&scores) {
        let width = scores.dims()[3];
        return cpu::in_place(scores, |values| cpu::softmax(values, width, scale as f32));
    }
    by_burn(scores, plan, |scores| {
        burn::tensor::activation::softmax(scaled(scores, scale), 3)
    })
}

/// `scale · x`
fn scaled<const D: usize>(x: Tensor<D>, scale: f64) -> Tensor<D> {
    match scale {
        1.0 => x,
        _ => x.mul_scalar(scale),
    }
}

/// `softmax(scale · q kᵀ + bias) v` over the first `length` of keys and values, `[batch, heads, length or more, width]`, in one
/// go: `q: [batch, queries, heads · width]` → the same. `None` where there is no kernel for it: on the processor, for many
/// queries, for heads of an odd width.
pub(crate) fn attend_few(
    q: &Tensor<3>,
    seen: [&Tensor<4>; 2],
    length: usize,
    bias: impl FnOnce() -> Option<Tensor<4>>,
    scale: f64,
    plan: Plan,
) -> Option<Tensor<3>> {
    #[cfg(feature = "webgpu")]
    return gpu::attend_few(q, seen, length, bias, scale, plan);
    #[cfg(not(feature = "webgpu"))]
    {
        let _ = (q, seen, length, scale, plan);
        drop(bias);
        None
    }
}

/// `softmax(scale · q kᵀ + bias) v` as [`attend_few`] has it, for many queries: `q: [batch, heads, queries, width]` → the same.
/// `None` where there is no kernel for it: on a GPU, in training, for few queries.
pub(crate) fn attend_many(
    q: &Tensor<4>,
    seen: [&Tensor<4>; 2],
    length: usize,
    bias: Option<&Tensor<4>>,
    scale: f64,
) -> Option<Tensor<4>> {
    #[cfg(feature = "cpu")]
    return cpu::attend_tensors(q, seen, length, bias, scale);
    #[cfg(not(feature = "cpu"))]
    {
        let _ = (q, seen, length, bias, scale);
        None
    }
}

/// Whether there is an [`attend_step`] for heads of that width and so many keys.
pub(crate) fn attends_in_steps(width: usize, length: usize, plan: Plan) -> bool {
    #[cfg(feature = "webgpu")]
    return gpu::takes(width, length, plan);
    #[cfg(not(feature = "webgpu"))]
    {
        let _ = (width, length, plan);
        false
    }
}

/// [`append`] and attention to everything up to `position`, for what [`matmul_three`] made of new tokens: queries, keys and
/// values, `[3, rows, heads · width]` → `[rows, 1, heads · width]`.
pub(crate) fn attend_step(
    token: &Tensor<3>,
    seen: [&Tensor<4>; 2],
    position: usize,
    bias: &Tensor<4>,
    scale: f64,
    plan: Plan,
) -> Tensor<3> {
    #[cfg(feature = "webgpu")]
    if let Some(y) = gpu::attend_step(token, seen, position, bias, scale, plan) {
        return y;
    }
    let _ = (seen, position, bias, scale);
    elsewhere(&token.device(), plan)
}

/// One token's keys and values, `[rows, heads, 1, width]`, at their position among those of all, `[rows, heads, room, width]`.
pub(crate) fn append(
    [keys, values]: [Tensor<4>; 2],
    [key, value]: [Tensor<4>; 2],
    position: usize,
) -> [Tensor<4>; 2] {
    #[cfg(feature = "webgpu")]
    if let Some(whole) = gpu::append([&keys, &values], [&key, &value], position) {
        return whole;
    }
    let here = s![.., .., position..position + 1, ..];
    // Moved through, not cloned, so that the numbers are written in place.
    [
        keys.slice_assign(here, key),
        values.slice_assign(here, value),
    ]
}

/// The same numbers, in the order of the shape, so that no later product has to copy them.
pub(crate) fn contiguous<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    #[cfg(feature = "webgpu")]
    if let Some(y) = gpu::in_a_row(&x) {
        return y;
    }
    #[cfg(feature = "cpu")]
    if cpu::holds(&x) {
        return cpu::in_place(x, |_| ());
    }
    x
}

/// What burn computes where there is no kernel: on the processor and in training. A build for the GPU alone has neither and
/// leaves burn's kernels out. `plan` is for the message alone.
fn by_burn<const D: usize>(
    x: Tensor<D>,
    plan: Plan,
    compute: impl FnOnce(Tensor<D>) -> Tensor<D>,
) -> Tensor<D> {
    match cfg!(any(feature = "cpu", feature = "train")) {
        true => compute(x),
        false => elsewhere(&x.device(), plan),
    }
}

/// The best tokens of each row of scores, still on the GPU.
pub(crate) struct FoundTokens {
    found: Tensor<2>,
    count: usize,
}

/// Looks for the `count` best of each row, `[rows, vocabulary]`, where the scores lie on a GPU; `None` on the
/// processor, which has them at hand.
pub(crate) fn best_tokens(scores: &Tensor<2>, count: usize) -> Option<FoundTokens> {
    #[cfg(feature = "webgpu")]
    {
        let count = count.min(scores.dims()[1]);
        let found = gpu::best(scores, count)?;
        Some(FoundTokens { found, count })
    }
    #[cfg(not(feature = "webgpu"))]
    {
        let _ = (scores, count);
        None
    }
}

impl FoundTokens {
    /// What was found, on the host.
    pub(crate) async fn read(self) -> Result<Vec<BestTokens>> {
        let values = crate::compute::device::read(self.found).await?;
        let rows = values.chunks_exact(1 + 2 * self.count);
        Ok(rows
            .map(|row| BestTokens {
                log_sum_exp: row[0],
                // Exact in a float up to 16 million.
                token_ids: row[1..=self.count].iter().map(|&id| id as u32).collect(),
                logits: row[1 + self.count..].to_vec(),
            })
            .collect())
    }
}

/// Fills rows up with zeros to a whole number of blocks, as the matrix' rows are.
fn whole_blocks(x: Tensor<2>) -> Tensor<2> {
    let missing = x.dims()[1].next_multiple_of(BLOCK) - x.dims()[1];
    if missing == 0 {
        return x;
    }
    x.pad((0, missing, 0, 0), 0.0)
}
