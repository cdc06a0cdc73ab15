//! Attention of few queries, a token of the decoder or the beams of a prompt: scores, softmax and values in one dispatch, the
//! new token's keys and values put in place on the way.

use super::devices::{self, plan_of};
use super::kernel::Kernel;
use super::launch::launch;
use super::tensors::{bias_strides, contiguous, contiguous_if_any, primitive, tensor};
use super::{Gpu, Plan};
use crate::compute::attention::AttentionKernels;
use burn::backend::wgpu::{CubeTensor, into_contiguous};
use burn::tensor::{Device, Tensor};

impl AttentionKernels for Gpu {
    fn attend_few(
        q: &Tensor<3>,
        past: [&Tensor<4>; 2],
        length: usize,
        bias: impl FnOnce() -> Option<Tensor<4>>,
        scale: f64,
    ) -> Option<Tensor<3>> {
        let [batch, queries, inner] = q.dims();
        let q = primitive(q)?;
        let plan = plan_of(&q.device);
        let [.., width] = past[0].dims();
        // Each query reads the keys and values anew.
        if queries > few_queries(plan) || !supports(plan, width, length) {
            return None;
        }
        let (q, shape) = (into_contiguous(q), [batch, queries, inner]);
        let bias = bias();
        attend((plan, false), &q, shape, past, length, bias.as_ref(), scale)
    }

    fn supports_attend_step(device: &Device, width: usize, length: usize) -> bool {
        devices::is_gpu(device) && supports(devices::plan(device), width, length)
    }

    fn attend_step(
        token: &Tensor<3>,
        past: [&Tensor<4>; 2],
        position: usize,
        bias: &Tensor<4>,
        scale: f64,
    ) -> Option<Tensor<3>> {
        let [_, rows, inner] = token.dims();
        let (token, shape) = (contiguous(token)?, [rows, 1, inner]);
        let plan = plan_of(&token.device);
        let length = position + 1;
        attend((plan, true), &token, shape, past, length, Some(bias), scale)
    }
}

/// Whether there are kernels for heads of that width, in numbers, and so many keys.
fn supports(plan: Plan, width: usize, length: usize) -> bool {
    // Four numbers to a thread.
    let lanes = width / 4;
    width.is_multiple_of(4)
        && match plan {
            Plan::Hardware(_) => lanes <= 64,
            // Mesa's software Vulkan leaves a thread's loops after 65,535 turns in all, whatever is still to do.
            Plan::Software { .. } => lanes * length <= 30_000,
        }
}

/// Up to this many queries: more are quicker by products of tiles.
fn few_queries(plan: Plan) -> usize {
    match plan {
        Plan::Software { .. } => 8,
        Plan::Hardware(_) => 32,
    }
}

/// `step`: the new tokens' keys and values come behind their queries, and take their place first.
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
    let bias = contiguous_if_any(bias)?;
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
    let workgroups = match plan {
        Plan::Software { .. } => [(batch * queries * heads).div_ceil(4), 1, 1],
        Plan::Hardware(_) => [batch * heads, queries, 1],
    };
    Some(tensor(launch(kernel, &inputs, shape, workgroups, numbers)))
}
