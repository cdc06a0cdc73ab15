//! Activations as 16-bit integers in blocks.

use crate::quant::BLOCK;

/// Rows of activations that share one reading of a block of weights. Eight sums fit the registers of all processors.
pub(super) const TILE: usize = 8;

/// Rows of activations, each block with a scale, in tiles of [`TILE`] rows (the last may have fewer). In a tile the rows'
/// blocks lie side by side, so that the product reads on from one address.
pub(super) struct Activations {
    /// `[tiles, blocks, rows of the tile, BLOCK]`
    pub(super) integers: Vec<i16>,
    /// `[tiles, blocks, rows of the tile]`
    pub(super) scales: Vec<f32>,
}

impl Activations {
    /// `x`: rows of `row_blocks` whole blocks.
    pub(super) fn new(x: &[f32], row_blocks: usize) -> Self {
        let mut integers = vec![0; x.len()];
        let mut scales = vec![0.0; x.len() / BLOCK];
        let tile = TILE * row_blocks * BLOCK;
        let tiles = x.chunks(tile).zip(integers.chunks_mut(tile));
        for ((x, integers), scales) in tiles.zip(scales.chunks_mut(TILE * row_blocks)) {
            let rows = x.len() / (row_blocks * BLOCK);
            let blocks = integers.as_chunks_mut::<BLOCK>().0;
            for (i, block) in x.as_chunks::<BLOCK>().0.iter().enumerate() {
                let at = i % row_blocks * rows + i / row_blocks;
                scales[at] = quantize(block, &mut blocks[at]);
            }
        }
        Self { integers, scales }
    }
}

fn quantize(block: &[f32; BLOCK], integers: &mut [i16; BLOCK]) -> f32 {
    let mut largest = [0f32; 4];
    // Not a number as soon as one value is none or infinite: it must not turn into a number on the way.
    let mut poison = [0f32; 4];
    for four in block.as_chunks::<4>().0 {
        for lane in 0..4 {
            largest[lane] = largest[lane].max(four[lane].abs());
            poison[lane] += four[lane] * 0.0;
        }
    }
    let largest = largest.into_iter().fold(0f32, f32::max);
    let scale = largest / 32767.0;
    let factor = if scale > 0.0 { 1.0 / scale } else { 0.0 };
    for (integer, &x) in integers.iter_mut().zip(block) {
        // Adding 1.5 · 2²³ rounds to nearest and leaves the integer in the lowest bits: `round` and a conversion that
        // saturates are many operations where there is no instruction for them.
        const ROUND: f32 = 12_582_912.0;
        *integer = (x * factor + ROUND).to_bits() as i16;
    }
    scale + poison.into_iter().sum::<f32>()
}
