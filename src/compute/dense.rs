//! Products of float matrices.
//!
//! burn's own products would do, but its GPU backend brings a generator of matrix kernels with it that is more than half of
//! what a visitor would have to download, and without its tuner, which browsers do not run, takes one plain kernel for
//! every shape. On the processor burn's are called as they are.

use super::cpu::Cpu;
use super::gpu::Gpu;
use super::unsupported;
use burn::tensor::{Tensor, s};

/// How the second factor of a product lies in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Rhs {
    /// `[inner, outputs]`, as values lie.
    Plain,
    /// `[outputs, inner]`, as checkpoints store matrices and as keys lie.
    Transposed,
}

/// A device's kernel for products of floats.
#[allow(unused_variables)] // of a device without a kernel
pub(super) trait DenseKernel {
    /// `a: [batch, rows, inner]` times `b: [batch or 1, …]`, which may have rows that are not read after those that are →
    /// `[batch, rows, outputs]`.
    fn dense(a: &Tensor<3>, b: &Tensor<3>, rhs: Rhs, outputs: usize) -> Option<Tensor<3>> {
        None
    }
}

/// `a bᵀ`: `[batch, rows, inner]` and `[batch or 1, outputs or more, inner]` → `[batch, rows, outputs]`.
pub(crate) fn matmul_transposed(a: Tensor<3>, b: Tensor<3>, outputs: usize) -> Tensor<3> {
    dense(a, b, Rhs::Transposed, outputs)
}

/// `a b`: `[batch, rows, inner]` and `[batch or 1, inner or more, outputs]` → `[batch, rows, outputs]`.
pub(crate) fn matmul(a: Tensor<3>, b: Tensor<3>) -> Tensor<3> {
    let outputs = b.dims()[2];
    dense(a, b, Rhs::Plain, outputs)
}

/// `x Wᵀ` of one matrix: `[rows, in_features]` and `[out_features, in_features]` → `[rows, out_features]`.
pub(crate) fn project(x: Tensor<2>, weight: Tensor<2>) -> Tensor<2> {
    let outputs = weight.dims()[0];
    matmul_transposed(x.unsqueeze(), weight.unsqueeze(), outputs).squeeze_dim(0)
}

fn dense(a: Tensor<3>, b: Tensor<3>, rhs: Rhs, outputs: usize) -> Tensor<3> {
    Gpu::dense(&a, &b, rhs, outputs)
        .or_else(|| Cpu::dense(&a, &b, rhs, outputs))
        // Training goes through burn, which knows the gradients.
        .unwrap_or_else(|| match cfg!(feature = "train") {
            true => {
                let b = rhs_matrix(b, rhs, a.dims()[2], outputs);
                a.matmul(b)
            }
            false => unsupported(&a.device()),
        })
}

/// The second factor as `[batch or 1, inner, outputs]`, without the rows that are not read.
pub(super) fn rhs_matrix(b: Tensor<3>, rhs: Rhs, inner: usize, outputs: usize) -> Tensor<3> {
    match rhs {
        Rhs::Plain => first_rows(b, inner),
        Rhs::Transposed => first_rows(b, outputs).transpose(),
    }
}

/// The first so many rows of each batch entry.
fn first_rows(b: Tensor<3>, rows: usize) -> Tensor<3> {
    match b.dims()[1] == rows {
        true => b,
        false => b.slice(s![.., 0..rows, ..]),
    }
}
