//! Products of float matrices.
//!
//! burn's own products would do, but its GPU backend brings a generator of matrix kernels with it that is more than half of
//! what a visitor would have to download, and without its tuner, which browsers do not run, takes one plain kernel for
//! every shape. On the processor burn's are called as they are.

use super::Plan;
#[cfg(feature = "webgpu")]
use super::gpu;
use burn::tensor::Tensor;
#[cfg(feature = "cpu")]
use burn::{
    backend::Flex,
    backend::ops::{FloatTensorOps, ModuleOps},
    tensor::ops::AttentionModuleOptions,
};

/// `a bᵀ`: `[batch, rows, inner]` and `[batch or 1, outputs, inner]` → `[batch, rows, outputs]`.
pub(crate) fn times_transposed(a: Tensor<3>, b: Tensor<3>) -> Tensor<3> {
    times_transposed_as(a, b, Plan::of_adapter())
}

/// The same for one matrix: `[rows, inner]` and `[outputs, inner]` → `[rows, outputs]`.
pub(crate) fn project(x: Tensor<2>, weight: Tensor<2>) -> Tensor<2> {
    times_transposed(x.unsqueeze(), weight.unsqueeze()).squeeze_dim(0)
}

/// [`times_transposed`] with the GPU kernels that `plan` names.
pub(crate) fn times_transposed_as(a: Tensor<3>, b: Tensor<3>, plan: Plan) -> Tensor<3> {
    #[cfg(feature = "webgpu")]
    if let Some(y) = gpu::dense(&a, &b, gpu::Layout::Nt, plan) {
        return y;
    }
    on_processor(a, b.transpose(), plan)
}

/// `a b`: `[batch, rows, inner]` and `[batch or 1, inner, outputs]` → `[batch, rows, outputs]`.
pub(crate) fn times(a: Tensor<3>, b: Tensor<3>) -> Tensor<3> {
    times_as(a, b, Plan::of_adapter())
}

/// [`times`] with the GPU kernels that `plan` names.
pub(crate) fn times_as(a: Tensor<3>, b: Tensor<3>, plan: Plan) -> Tensor<3> {
    #[cfg(feature = "webgpu")]
    if let Some(y) = gpu::dense(&a, &b, gpu::Layout::Nn, plan) {
        return y;
    }
    on_processor(a, b, plan)
}

/// `softmax(scale · q kᵀ + bias) v` on the processor, where burn has it in one piece; `None` elsewhere.
/// `q, k, v: [batch, heads, tokens, head_dim]`, `bias: [1 or batch, 1 or heads, 1 or query, key]`.
#[cfg(feature = "cpu")]
pub(crate) fn attention_on_processor(
    q: &Tensor<4>,
    k: &Tensor<4>,
    v: &Tensor<4>,
    bias: &Option<Tensor<4>>,
    scale: f64,
) -> Option<Tensor<4>> {
    let primitive = |x: &Tensor<4>| x.clone().try_into_primitive::<Flex>().ok();
    let [batch, heads, query, _] = q.dims();
    let whole = [batch, heads, query, k.dims()[2]];
    let bias = match bias {
        Some(bias) => Some(primitive(&bias.clone().expand(whole))?),
        None => None,
    };
    let options = AttentionModuleOptions {
        scale: Some(scale),
        ..Default::default()
    };
    let (q, k, v) = (primitive(q)?, primitive(k)?, primitive(v)?);
    let y = Flex::attention(q, k, v, None, bias, options);
    Some(Tensor::from_primitive::<Flex>(y))
}

#[cfg(not(feature = "cpu"))]
pub(crate) fn attention_on_processor(
    _: &Tensor<4>,
    _: &Tensor<4>,
    _: &Tensor<4>,
    _: &Option<Tensor<4>>,
    _: f64,
) -> Option<Tensor<4>> {
    None
}

/// `plan` is for the message alone.
fn on_processor(a: Tensor<3>, b: Tensor<3>, plan: Plan) -> Tensor<3> {
    #[cfg(feature = "cpu")]
    if let Ok(a) = a.clone().try_into_primitive::<Flex>()
        && let Ok(b) = b.clone().try_into_primitive::<Flex>()
    {
        return Tensor::from_primitive::<Flex>(Flex::float_matmul(a, b));
    }
    with_gradients(a, b, plan)
}

/// Training goes through burn, which knows the gradients.
#[cfg(feature = "train")]
fn with_gradients(a: Tensor<3>, b: Tensor<3>, _: Plan) -> Tensor<3> {
    a.matmul(b)
}

#[cfg(not(feature = "train"))]
fn with_gradients(a: Tensor<3>, b: Tensor<3>, plan: Plan) -> Tensor<3> {
    super::elsewhere(&a.device(), (b.device(), plan))
}
