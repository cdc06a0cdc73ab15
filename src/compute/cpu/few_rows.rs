//! The product for few rows, as decoding has them: weights are used as they come, each block of them for up to 8 rows.

use super::Matrix;
use super::activations::{Activations, Packing, RowTile};
use super::format::Format;
use super::lanes::Lanes;
use crate::formats::blocks::{BLOCK, finite_half};
use std::ops::Range;

/// Rows that share one reading of a block of weights. Their sums fit the registers of all processors.
const ROWS: usize = 8;

/// With a scale for each block.
pub(super) fn packing(vector: usize) -> Packing {
    Packing {
        rows: ROWS,
        segment: BLOCK,
        largest: i16::MAX,
        vector,
    }
}

/// `[rows, outputs]` into `y`; in wasm a function of its own, as that of many rows.
#[cfg_attr(target_arch = "wasm32", inline(never))]
#[cfg_attr(not(target_arch = "wasm32"), inline(always))]
pub(super) fn product<L: Lanes, F: Format>(
    x: &Activations,
    weight: Matrix,
    outputs: Range<usize>,
    y: &mut [f32],
) {
    let columns = outputs.len();
    for (tile, y) in x.tiles().zip(y.chunks_mut(ROWS * columns)) {
        macro_rules! each {
            ($($count:literal)*) => {
                match tile.rows {
                    $($count => rows_of::<L, F, $count>(tile, x.width, weight, outputs.clone(), y),)*
                    _ => {}
                }
            };
        }
        each!(1 2 3 4 5 6 7 8);
    }
}

#[inline(always)]
fn rows_of<L: Lanes, F: Format, const ROWS: usize>(
    x: RowTile,
    width: usize,
    weight: Matrix,
    outputs: Range<usize>,
    y: &mut [f32],
) {
    let format = F::FORMAT;
    let row_blocks = width / BLOCK;
    let block_words = format.words_per_block();
    // Slices of exactly the tile's size: what the loop below reads lies inside them.
    let integers = &x.integers[..ROWS * width];
    let scales = &x.scales[..ROWS * row_blocks];
    let columns = outputs.len();
    for (column, output) in outputs.enumerate() {
        let words = &weight.words[output * row_blocks * block_words..][..row_blocks * block_words];
        let weight_scales = &weight.scales[output * row_blocks..][..row_blocks];
        // SAFETY: `block < row_blocks`, and `words`, `integers` and `scales` hold that many blocks of `ROWS` rows. The
        // caller has made sure of the instructions.
        unsafe {
            let mut sums = [L::floats(0.0); ROWS];
            for (block, &scale) in weight_scales.iter().enumerate() {
                let scale = finite_half(scale);
                let weights = L::block(format, words.as_ptr().add(block * block_words).cast());
                let integers = integers.as_ptr().add(block * ROWS * BLOCK);
                for (row, sum) in sums.iter_mut().enumerate() {
                    let mut dots = L::no_dots();
                    for (i, &weights) in weights.as_ref().iter().enumerate() {
                        let x = L::load(integers.add((i * ROWS + row) * L::WIDTH));
                        dots = L::dot(dots, weights, x);
                    }
                    let x_scale = *scales.get_unchecked(block * ROWS + row);
                    *sum = L::add(*sum, scale * x_scale, dots);
                }
            }
            for (row, sums) in sums.into_iter().enumerate() {
                y[row * columns + column] = L::total(sums);
            }
        }
    }
}
