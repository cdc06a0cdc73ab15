//! Attention of few queries, a token of the decoder or the beams of a prompt: scores, softmax and values in one dispatch, the
//! new token's keys and values put in place on the way.

use super::launch::{Kernel, launch};
use super::{bias_strides, contiguous};
use crate::compute::Plan;
use burn::backend::Wgpu;
use burn::backend::wgpu::CubeTensor;
use burn::tensor::Tensor;

/// Whether [`attend_few`] and [`attend_step`] take heads of that width, in numbers, and so many keys.
pub(in crate::compute) fn takes(width: usize, length: usize, plan: Plan) -> bool {
    // Four numbers to a thread.
    let lanes = width / 4;
    width.is_multiple_of(4)
        && match plan {
            Plan::Hardware(_) => lanes <= 64,
            // Mesa's software Vulkan leaves a thread's loops after 65,535 turns in all, whatever is still to do.
            Plan::Software { .. } => lanes * length <= 30_000,
        }
}

/// Up to this many queries [`attend_few`] is taken: more are quicker by products of tiles.
fn few_queries(plan: Plan) -> usize {
    match plan {
        Plan::Software { .. } => 8,
        Plan::Hardware(_) => 32,
    }
}

/// `softmax(scale · q kᵀ + bias) v` over the first `length` keys; `q: [batch, queries, heads · width]` → the same, keys and
/// values `[batch, heads, length or more, width]`, `bias: [1 or batch, 1 or heads, 1 or queries, length]`. `None` where the
/// tensors are not on the GPU, and for many queries.
pub(in crate::compute) fn attend_few(
    q: &Tensor<3>,
    seen: [&Tensor<4>; 2],
    length: usize,
    bias: impl FnOnce() -> Option<Tensor<4>>,
    scale: f64,
    plan: Plan,
) -> Option<Tensor<3>> {
    let [batch, queries, inner] = q.dims();
    let [.., width] = seen[0].dims();
    // Each query reads the keys and values anew.
    if queries > few_queries(plan) || !takes(width, length, plan) {
        return None;
    }
    let (q, shape) = (contiguous(q)?, [batch, queries, inner]);
    let bias = bias();
    attend((plan, false), &q, shape, seen, length, bias.as_ref(), scale)
}

/// The same for one new token in each of `rows` rows, whose queries, keys and values come as `[3, rows, heads · width]`: keys and
/// values take their place at `position` first, in place, whoever else holds those of all.
pub(in crate::compute) fn attend_step(
    token: &Tensor<3>,
    seen: [&Tensor<4>; 2],
    position: usize,
    bias: &Tensor<4>,
    scale: f64,
    plan: Plan,
) -> Option<Tensor<3>> {
    let [_, rows, inner] = token.dims();
    let (token, shape) = (contiguous(token)?, [rows, 1, inner]);
    attend(
        (plan, true),
        &token,
        shape,
        seen,
        position + 1,
        Some(bias),
        scale,
    )
}

fn attend(
    (plan, step): (Plan, bool),
    q: &CubeTensor,
    shape: [usize; 3],
    [keys, values]: [&Tensor<4>; 2],
    length: usize,
    bias: Option<&Tensor<4>>,
    scale: f64,
) -> Option<Tensor<3>> {
    let (keys, values) = (contiguous(keys)?, contiguous(values)?);
    let [_, heads, room, width]: [usize; 4] = keys.meta.shape().dims();
    let [batch, queries, _] = shape;
    let lanes = width / 4;
    let bias = match bias {
        Some(bias) => Some(contiguous(bias)?),
        None => None,
    };
    let strides = bias.as_ref().map_or([0; 3], bias_strides);
    let scale = (scale as f32).to_bits() as usize;
    let of_all = shape.iter().product::<usize>() / 4;
    #[rustfmt::skip]
    let numbers = [
        heads, queries, lanes, room, length, strides[0], strides[1], strides[2], scale, of_all, 0, 0,
    ];
    let inputs: Vec<&CubeTensor> = [q, &keys, &values].into_iter().chain(&bias).collect();
    let kernel = Kernel::AttendFew {
        plan,
        biased: bias.is_some(),
        step,
    };
    let count = match plan {
        Plan::Software { .. } => [(batch * queries * heads).div_ceil(4) as u32, 1, 1],
        Plan::Hardware(_) => [(batch * heads) as u32, queries as u32, 1],
    };
    let y = launch(kernel, &inputs, shape, count, numbers);
    Some(Tensor::from_primitive::<Wgpu>(y))
}
