//! Products with quantized matrices on the processor, and attention.
//!
//! Activations become 16-bit integers, with a scale for each segment of a row, so that integer dot products apply
//! (`i32x4.dot_i16x8` in wasm, `pmaddwd` on x86): twice the products of a float instruction, on weights that need
//! no conversion to floats. Sums of segments are floats. [`rounding`] says what is lost, far less than the weights'
//! quantization has cost: `few_rows` takes the weights as they are, `many_rows` brings them into the form of the
//! activations first.
//!
//! The kernels work on slices of host memory; `kernels` brings tensors to them.

mod activations;
mod aligned;
mod attention;
mod few_rows;
mod format;
mod gelu;
mod kernels;
mod lanes;
mod many_rows;
mod matmul;
mod parts;
mod rows;
mod softmax;

use crate::formats::blocks::QuantFormat;

pub use gelu::gelu_tanh;
pub(super) use kernels::Cpu;
pub use matmul::{Rounding, matmul, rounding};
pub use rows::rows;
pub use softmax::softmax;

/// A quantized matrix in host memory.
#[derive(Debug, Clone, Copy)]
pub struct Matrix<'a> {
    /// The blocks' integers, row after row.
    pub words: &'a [u32],
    /// The blocks' scales, bits of halves, row after row; there may be one more than needed.
    pub scales: &'a [u16],
    /// What a block looks like.
    pub format: QuantFormat,
    /// `[out_features, in_features]`
    pub shape: [usize; 2],
}
