//! Products with quantized matrices in WGSL.
//!
//! A graphics card reads memory side by side and synchronises cheaply; a software adapter is a processor, for which a
//! barrier costs more than a block of products. So there are two kernels for few rows of activations (decoding) and two
//! for many (pictures, prompts), and [`Plan`] chooses. All of them hold 32-bit sums, stay inside WebGPU's default limits
//! and use no optional feature. No branch around a barrier depends on anything but uniforms.
//!
//! Bindings of each: activations or ids, words, scales, output, and a uniform of four numbers.

mod launch;

use super::Quantized;
use crate::quant::{QuantFormat, blocks};
use burn::backend::Wgpu;
use burn::backend::wgpu::{CubeTensor, into_contiguous};
use burn::tensor::{DType, Int, Tensor};
use launch::{Kernel, launch};
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the process' adapter is a processor.
static SOFTWARE: AtomicBool = AtomicBool::new(false);

/// Says what kind of adapter the process has opened: it decides between kernels, never about results.
pub fn adapter_is_software(software: bool) {
    SOFTWARE.store(software, Ordering::Relaxed);
}

/// Up to this many rows the kernels for few rows are taken.
///
/// Measured on SwiftShader, 2048 → 5120 in `q4`: see `docs/benchmarks.md`.
const FEW: usize = 8;

/// Which kernels to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// A thread for each four outputs, no barriers.
    Software,
    /// A workgroup for each four outputs, or for each tile of outputs, with shared memory.
    Hardware,
}

impl Plan {
    /// What fits the adapter.
    pub fn of_adapter() -> Self {
        if SOFTWARE.load(Ordering::Relaxed) {
            Plan::Software
        } else {
            Plan::Hardware
        }
    }
}

/// `x Wᵀ`; `x: [rows, blocks · BLOCK]` → `[rows, out_features]`.
pub(super) fn matmul(x: CubeTensor, weight: &Quantized, plan: Plan) -> Tensor<2> {
    let rows = x.meta.shape()[0];
    let [outputs, in_features] = weight.shape;
    let few = rows <= FEW;
    let across = |size: usize, tile: usize| size.div_ceil(tile) as u32;
    let (kernel, count) = match (few, plan) {
        (true, Plan::Software) => (
            Kernel::FewRowsThreads,
            [across(outputs, 4 * 64), rows as u32],
        ),
        (true, Plan::Hardware) => (
            Kernel::FewRowsWorkgroup,
            [across(outputs, 4), across(rows, 2)],
        ),
        (false, Plan::Software) => (
            Kernel::ManyRowsThreads,
            [across(outputs, 4 * 8), across(rows, 4 * 8)],
        ),
        (false, Plan::Hardware) => (
            Kernel::ManyRowsTiles,
            [across(outputs, 64), across(rows, 64)],
        ),
    };
    let numbers = [rows, outputs, blocks(in_features), in_features];
    let y = launch(
        kernel,
        weight,
        into_contiguous(x),
        [rows, outputs],
        count,
        numbers,
    );
    Tensor::from_primitive::<Wgpu>(y)
}

/// The rows of these ids; `ids: [n]` → `[n, in_features]`.
pub(super) fn rows(ids: CubeTensor, weight: &Quantized) -> Tensor<2> {
    let count = ids.meta.shape()[0];
    let [outputs, in_features] = weight.shape;
    let pairs = blocks(in_features) * 4;
    let numbers = [count, outputs, blocks(in_features), in_features];
    let grid = [pairs.div_ceil(64) as u32, count as u32];
    let ids = into_contiguous(ids);
    let y = launch(
        Kernel::Rows,
        weight,
        ids,
        [count, in_features],
        grid,
        numbers,
    );
    Tensor::from_primitive::<Wgpu>(y)
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
pub(super) fn signed(ids: Tensor<1, Int>) -> Tensor<1, Int> {
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
