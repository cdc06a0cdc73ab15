//! Products of float matrices.
//!
//! burn's own products would do, but its GPU backend brings a generator of matrix kernels with it that is more than half of
//! what a visitor would have to download, and without its tuner, which browsers do not run, takes one plain kernel for
//! every shape. On the processor burn's are called as they are.

use super::Plan;
#[cfg(feature = "webgpu")]
use super::gpu;
use burn::tensor::{Tensor, s};
#[cfg(feature = "cpu")]
use burn::{backend::Flex, backend::ops::FloatTensorOps};

/// `a bᵀ`: `[batch, rows, inner]` and `[batch or 1, outputs or more, inner]` → `[batch, rows, outputs]`.
pub(crate) fn times_transposed(a: Tensor<3>, b: Tensor<3>, outputs: usize) -> Tensor<3> {
    times_transposed_as(a, b, outputs, Plan::of_adapter())
}

/// The same for one matrix: `[rows, inner]` and `[outputs, inner]` → `[rows, outputs]`.
pub(crate) fn project(x: Tensor<2>, weight: Tensor<2>) -> Tensor<2> {
    let outputs = weight.dims()[0];
    times_transposed(x.unsqueeze(), weight.unsqueeze(), outputs).squeeze_dim(0)
}

/// [`times_transposed`] with the GPU kernels that `plan` names.
pub(crate) fn times_transposed_as(
    a: Tensor<3>,
    b: Tensor<3>,
    outputs: usize,
    plan: Plan,
) -> Tensor<3> {
    #[cfg(feature = "webgpu")]
    if let Some(y) = gpu::dense(&a, &b, gpu::Layout::Nt, outputs, plan) {
        return y;
    }
    on_processor(a, first(b, outputs).transpose(), plan)
}

/// `a b`: `[batch, rows, inner]` and `[batch or 1, inner or more, outputs]` → `[batch, rows, outputs]`.
pub(crate) fn times(a: Tensor<3>, b: Tensor<3>) -> Tensor<3> {
    times_as(a, b, Plan::of_adapter())
}

/// [`times`] with the GPU kernels that `plan` names.
pub(crate) fn times_as(a: Tensor<3>, b: Tensor<3>, plan: Plan) -> Tensor<3> {
    #[cfg(feature = "webgpu")]
    if let Some(y) = gpu::dense(&a, &b, gpu::Layout::Nn, b.dims()[2], plan) {
        return y;
    }
    let inner = a.dims()[2];
    on_processor(a, first(b, inner), plan)
}

/// The first so many rows of each batch entry.
fn first(b: Tensor<3>, rows: usize) -> Tensor<3> {
    match b.dims()[1] == rows {
        true => b,
        false => b.slice(s![.., 0..rows, ..]),
    }
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
