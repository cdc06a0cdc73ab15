//! Matrices of few-bit integers in blocks with one scale each: the formats, and the way from and to floats.
//!
//! Host code on plain slices. A row of `in_features` weights is cut into blocks of [`BLOCK`]; the last one is filled up
//! with zeros. A block's integers are GGUF's, byte for byte, but integers and scales lie apart, so that both
//! are aligned: [`gguf`] converts without loss in both directions.
//!
//! | format | a block's integers | value |
//! |---|---|---|
//! | `q8` | 32 × `i8` in order (8 words) | `d · q` |
//! | `q4` | 16 bytes (4 words): byte `j` holds element `j` low, element `j + 16` high | `d · (q − 8)` |
//!
//! `d` is the block's scale, an IEEE half.

mod encode;
pub mod gguf;
mod halves;

use half::f16;
use serde::{Deserialize, Serialize};

pub use encode::{Effort, quantize};
pub(crate) use halves::any_half;
#[cfg(feature = "cpu")]
pub(crate) use halves::finite_half;

/// Weights that share a scale.
pub const BLOCK: usize = 32;

/// How a block's integers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum QuantFormat {
    /// 8 bits; 8.5 bits a weight with its scale.
    Q8,
    /// 4 bits; 4.5 bits a weight with its scale.
    Q4,
}

/// Rows of a matrix in blocks.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Packed {
    /// `[rows, blocks * words per block]`, little-endian bytes of the integers.
    pub words: Vec<u32>,
    /// `[rows, blocks]`
    pub scales: Vec<f16>,
}

/// Blocks that a row of `in_features` weights takes.
pub fn blocks(in_features: usize) -> usize {
    in_features.div_ceil(BLOCK)
}

impl QuantFormat {
    /// The name in configurations and options.
    pub fn name(self) -> &'static str {
        match self {
            QuantFormat::Q8 => "q8",
            QuantFormat::Q4 => "q4",
        }
    }

    /// 32-bit words that hold a block's integers.
    pub const fn words_per_block(self) -> usize {
        match self {
            QuantFormat::Q8 => 8,
            QuantFormat::Q4 => 4,
        }
    }

    /// 32-bit words of a row.
    pub fn words_per_row(self, in_features: usize) -> usize {
        blocks(in_features) * self.words_per_block()
    }

    /// The 32 integers of a block.
    pub fn unpack(self, words: &[u32]) -> [i8; BLOCK] {
        let mut out = [0; BLOCK];
        match self {
            QuantFormat::Q8 => {
                for (four, word) in out.as_chunks_mut::<4>().0.iter_mut().zip(words) {
                    *four = word.to_le_bytes().map(|byte| byte as i8);
                }
            }
            QuantFormat::Q4 => {
                let (low, high) = out.split_at_mut(BLOCK / 2);
                let bytes = words.iter().flat_map(|word| word.to_le_bytes());
                for ((low, high), byte) in low.iter_mut().zip(high).zip(bytes) {
                    *low = (byte & 15) as i8 - 8;
                    *high = (byte >> 4) as i8 - 8;
                }
            }
        }
        out
    }

    /// The words of a block of integers, each in the format's range.
    fn pack(self, block: &[i8; BLOCK], words: &mut Vec<u32>) {
        match self {
            QuantFormat::Q8 => words.extend(
                block
                    .as_chunks::<4>()
                    .0
                    .iter()
                    .map(|four| u32::from_le_bytes(four.map(|q| q as u8))),
            ),
            QuantFormat::Q4 => {
                let (low, high) = block.split_at(BLOCK / 2);
                let mut bytes = [0u8; BLOCK / 2];
                for ((byte, low), high) in bytes.iter_mut().zip(low).zip(high) {
                    *byte = (low + 8) as u8 | ((high + 8) as u8) << 4;
                }
                let words_of_block = bytes.as_chunks::<4>().0.iter();
                words.extend(words_of_block.map(|four| u32::from_le_bytes(*four)));
            }
        }
    }
}

/// Rows in blocks → `[rows, in_features]` floats.
pub fn dequantize(
    format: QuantFormat,
    words: &[u32],
    scales: &[f16],
    in_features: usize,
) -> Vec<f32> {
    let row_blocks = blocks(in_features);
    let mut values = Vec::with_capacity(scales.len() / row_blocks.max(1) * in_features);
    let row_words = words.chunks_exact(format.words_per_row(in_features).max(1));
    for (row, scales) in row_words.zip(scales.chunks_exact(row_blocks.max(1))) {
        let mut left = in_features;
        for (block, scale) in row.chunks_exact(format.words_per_block()).zip(scales) {
            let scale = scale.to_f32();
            let count = left.min(BLOCK);
            let block = format.unpack(block);
            values.extend(block[..count].iter().map(|&q| scale * f32::from(q)));
            left -= count;
        }
    }
    values
}
