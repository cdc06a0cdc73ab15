//! Products of float matrices.

use super::devices::plan_of;
use super::kernel::Kernel;
use super::launch::{Workgroups, launch};
use super::tensors::{contiguous, tensor};
use super::tiles::{WORKGROUP_TILE, dense_tile, few_rows, is_large, workgroups_of_tiles};
use super::{Gpu, Plan};
use crate::compute::dense::{DenseKernel, Rhs};
use burn::tensor::Tensor;

impl DenseKernel for Gpu {
    fn dense(a: &Tensor<3>, b: &Tensor<3>, rhs: Rhs, outputs: usize) -> Option<Tensor<3>> {
        let (a, b) = (contiguous(a)?, contiguous(b)?);
        let [batch, rows, inner] = a.meta.shape().dims();
        let [b_batch, first, second]: [usize; 3] = b.meta.shape().dims();
        // What an attention multiplies gets larger with every token; all its heads together are as wide as the model.
        let matrix = match rhs {
            Rhs::Transposed if b_batch == 1 => [outputs, inner],
            Rhs::Transposed => [batch * inner; 2],
            Rhs::Plain => [batch * outputs; 2],
        };
        let plan = plan_of(&a.device);
        let (kernel, workgroups) = choose(plan, rhs, [batch, rows, outputs], matrix);
        let of_one = if b_batch == 1 { 0 } else { first * second };
        let (shape, numbers) = ([batch, rows, outputs], [rows, outputs, inner, of_one]);
        Some(tensor(launch(
            kernel,
            &[&a, &b],
            shape,
            workgroups,
            numbers,
        )))
    }
}

/// The kernel and its workgroups for a product of this shape with a matrix of this size.
fn choose(
    plan: Plan,
    rhs: Rhs,
    [batch, rows, outputs]: [usize; 3],
    matrix: [usize; 2],
) -> (Kernel, Workgroups) {
    match plan {
        // Along the inner dimension side by side: where the second factor lies so.
        Plan::Hardware(_) if rows <= few_rows(plan) && rhs == Rhs::Transposed => {
            (Kernel::DenseFew(rhs), [outputs.div_ceil(4), rows, batch])
        }
        Plan::Hardware(_) => {
            let [across, down] = [outputs, rows].map(|size| size.div_ceil(WORKGROUP_TILE));
            (Kernel::DenseTiles(rhs), [across, down, batch])
        }
        Plan::Software { quads } => {
            let tile = dense_tile(rows, quads, is_large(rows, matrix));
            let [across, down] = workgroups_of_tiles([rows, outputs], tile);
            (Kernel::DenseThreads(rhs, tile), [across, down, batch])
        }
    }
}
