//! The product for many rows, as pictures and prompts have them: a panel of weights is brought into the form of the
//! activations, 16-bit integers with a scale for each segment, and then serves all rows. Inside a segment there is nothing
//! but loads and integer dot products, a small rectangle of rows and outputs at a time, each load serving several.
//!
//! Weights keep 4 bits below their own last one (8 where they have 4 themselves), activations have 14 bits and a sign: far less
//! is lost than the weights' quantization has cost. With both a segment's sum stays within 32 bits.

use super::Matrix;
use super::activations::{Activations, Packing, RowTile};
use super::aligned::Aligned;
use super::format::Format;
use super::lanes::Lanes;
use crate::compute::exponential::largest;
use crate::formats::blocks::{BLOCK, QuantFormat, finite_half};
use std::ops::Range;

/// Rows and outputs of a rectangle. Its sums, what is multiplied and a product fit 16 registers; 3 · 3 was a quarter slower.
const ROWS: usize = 4;
const COLUMNS: usize = 2;
/// Outputs that are computed before they are written: a cache line. Rows of the result are often a power of two apart, and then
/// share a few places of the cache, from which each pair of outputs would drive those before.
const LINE: usize = 16;
/// Elements that share a scale: 128 took a tenth longer, 512 would leave activations a bit less.
const SEGMENT: usize = 256;
const SEGMENT_BLOCKS: usize = SEGMENT / BLOCK;
/// Bits below the last one of a weight, for blocks whose scale is not the largest of the segment.
const Q8_BITS: u32 = 4;
const Q4_BITS: u32 = 8;
const LARGEST: i16 = 16_383;

/// What half a step of a weight's integer comes to, as a part of its segment's largest scale.
pub(super) fn weight_rounding(format: QuantFormat) -> f64 {
    // A little more: the ratio of a block's scale to the segment's is itself an integer.
    0.51 / f64::from(1 << bits(format))
}

const fn bits(format: QuantFormat) -> u32 {
    match format {
        QuantFormat::Q8 => Q8_BITS,
        QuantFormat::Q4 => Q4_BITS,
    }
}

const fn segment_fits(largest_weight: i64) -> bool {
    // A vector has a lane of 32 bits for every two elements, and at least four of them.
    largest_weight * (LARGEST as i64) * (SEGMENT as i64 / 4) <= i32::MAX as i64
}
const _: () = assert!(segment_fits(128 << Q8_BITS) && segment_fits(8 << Q4_BITS));

pub(super) fn packing(vector: usize) -> Packing {
    Packing {
        rows: ROWS,
        segment: SEGMENT,
        largest: LARGEST,
        vector,
    }
}

/// `[rows, outputs]` into `y`.
///
/// In wasm a function of its own for each format. In one with the other products, V8 optimized it by what had been called most
/// until then: a picture in `q4` after a short prompt took a sixth longer.
#[cfg_attr(target_arch = "wasm32", inline(never))]
#[cfg_attr(not(target_arch = "wasm32"), inline(always))]
pub(super) fn product<L: Lanes, F: Format>(
    x: &Activations,
    weight: Matrix,
    outputs: Range<usize>,
    y: &mut [f32],
) {
    let columns = outputs.len();
    let mut panel = Panel::new(x.width);
    let tiles: Vec<RowTile> = x.tiles().collect();
    let mut line: Aligned<f32> = Aligned::zeros(tiles.len() * ROWS * LINE);
    for first in (0..columns).step_by(LINE) {
        let in_line = LINE.min(columns - first);
        for column in (0..in_line).step_by(COLUMNS) {
            let count = COLUMNS.min(in_line - column);
            let output = outputs.start + first + column;
            panel.fill::<L, F>(weight, output..output + count);
            for (&tile, line) in tiles.iter().zip(line.chunks_exact_mut(ROWS * LINE)) {
                let sums = match tile.rows {
                    ROWS => rectangle::<L, ROWS>(tile, &panel),
                    3 => padded(rectangle::<L, 3>(tile, &panel)),
                    2 => padded(rectangle::<L, 2>(tile, &panel)),
                    _ => padded(rectangle::<L, 1>(tile, &panel)),
                };
                for (line, sums) in line.chunks_exact_mut(LINE).zip(sums) {
                    // Not `copy_from_slice`: a call for each pair took a quarter of the time in wasm.
                    for (place, sum) in line[column..][..COLUMNS].iter_mut().zip(sums) {
                        *place = sum;
                    }
                }
            }
        }
        for (y, line) in y.chunks_exact_mut(columns).zip(line.as_chunks::<LINE>().0) {
            match y[first..first + in_line].as_chunks_mut::<LINE>() {
                ([whole], _) => *whole = *line,
                (_, rest) => rest.copy_from_slice(&line[..in_line]),
            }
        }
    }
}

type Sums<const R: usize> = [[f32; COLUMNS]; R];

fn padded<const R: usize>(sums: Sums<R>) -> Sums<ROWS> {
    std::array::from_fn(|row| sums.get(row).copied().unwrap_or_default())
}

/// The weights of some outputs, laid out as a tile of activations is.
struct Panel {
    /// `[width / vector, COLUMNS, vector]`
    integers: Aligned<i16>,
    /// `[segments, COLUMNS]`
    scales: Vec<f32>,
    width: usize,
}

impl Panel {
    fn new(width: usize) -> Self {
        Self {
            integers: Aligned::zeros(width * COLUMNS),
            scales: vec![0.0; width.div_ceil(SEGMENT) * COLUMNS],
            width,
        }
    }

    /// Where there are fewer outputs than columns, the others keep what they held.
    #[inline(always)]
    fn fill<L: Lanes, F: Format>(&mut self, weight: Matrix, outputs: Range<usize>) {
        let row_blocks = self.width / BLOCK;
        let segment_words = SEGMENT_BLOCKS * F::FORMAT.words_per_block();
        let row_words = row_blocks * F::FORMAT.words_per_block();
        for (column, output) in outputs.enumerate() {
            let words = weight.words[output * row_words..][..row_words].chunks(segment_words);
            let scales = weight.scales[output * row_blocks..][..row_blocks].chunks(SEGMENT_BLOCKS);
            let integers = self.integers.chunks_mut(SEGMENT * COLUMNS);
            for (segment, ((words, scales), integers)) in
                words.zip(scales).zip(integers).enumerate()
            {
                self.scales[segment * COLUMNS + column] =
                    fill_segment::<L, F>(words, scales, column, integers);
            }
        }
    }
}

/// A segment of an output's weights into its column; its scale.
#[inline(always)]
fn fill_segment<L: Lanes, F: Format>(
    words: &[u32],
    scales: &[u16],
    column: usize,
    integers: &mut [i16],
) -> f32 {
    let format = F::FORMAT;
    let block_words = format.words_per_block();
    let mut floats = [0f32; SEGMENT_BLOCKS];
    for (float, &scale) in floats.iter_mut().zip(scales) {
        *float = finite_half(scale);
    }
    let largest = largest(&floats.map(f32::abs));
    let to_ratio = if largest > 0.0 {
        32767.0 / largest
    } else {
        0.0
    };
    assert!(
        words.len() >= scales.len() * block_words
            && integers.len() >= scales.len() * BLOCK * COLUMNS
    );
    for (block, &scale) in floats[..scales.len()].iter().enumerate() {
        let ratio = (scale * to_ratio) as i16;
        // SAFETY: `words` and `integers` hold as many blocks as `scales`. The caller has made sure of the instructions.
        unsafe {
            let weights = L::block(format, words.as_ptr().add(block * block_words).cast());
            let integers = integers.as_mut_ptr().add(block * BLOCK * COLUMNS);
            for (i, &weights) in weights.as_ref().iter().enumerate() {
                let scaled = match format {
                    QuantFormat::Q8 => L::scaled::<Q8_BITS>(weights, ratio),
                    QuantFormat::Q4 => L::scaled::<Q4_BITS>(weights, ratio),
                };
                L::store(scaled, integers.add((i * COLUMNS + column) * L::WIDTH));
            }
        }
    }
    largest / (1 << bits(format)) as f32
}

/// `R` rows times the panel's outputs.
#[inline(always)]
fn rectangle<L: Lanes, const R: usize>(x: RowTile, panel: &Panel) -> Sums<R> {
    let panel_scales = panel.scales.as_chunks::<COLUMNS>().0;
    assert!(x.integers.len() == R * panel.width && x.scales.len() == R * panel_scales.len());
    // SAFETY: both hold `width` elements of each row and column, and a segment begins where there are some left. The caller
    // has made sure of the instructions.
    unsafe {
        let mut sums = [[L::floats(0.0); COLUMNS]; R];
        let scales = x.scales.as_chunks::<R>().0.iter().zip(panel_scales);
        for (segment, (x_scales, w_scales)) in scales.enumerate() {
            let from = segment * SEGMENT;
            let to = (from + SEGMENT).min(panel.width);
            let mut dots = [[L::no_dots(); COLUMNS]; R];
            let mut x_at = x.integers.as_ptr().add(from * R);
            let mut w_at = panel.integers.as_ptr().add(from * COLUMNS);
            // Not unrolled: with more to arrange, V8 made it a quarter slower.
            for _ in 0..(to - from) / L::WIDTH {
                let w: [_; COLUMNS] = std::array::from_fn(|c| L::load(w_at.add(c * L::WIDTH)));
                for (row, dots) in dots.iter_mut().enumerate() {
                    let x = L::load(x_at.add(row * L::WIDTH));
                    for (dots, w) in dots.iter_mut().zip(w) {
                        *dots = L::dot(*dots, x, w);
                    }
                }
                x_at = x_at.add(R * L::WIDTH);
                w_at = w_at.add(COLUMNS * L::WIDTH);
            }
            for ((sums, dots), x_scale) in sums.iter_mut().zip(dots).zip(x_scales) {
                for ((sum, dots), w_scale) in sums.iter_mut().zip(dots).zip(w_scales) {
                    *sum = L::add(*sum, x_scale * w_scale, dots);
                }
            }
        }
        sums.map(|sums| sums.map(|sum| L::total(sum)))
    }
}
