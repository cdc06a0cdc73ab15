//! Activations as 16-bit integers.

use super::aligned::Aligned;
use crate::compute::exponential::{LANES, largest};

/// How rows of activations are laid out for a kernel.
#[derive(Debug, Clone, Copy)]
pub(super) struct Packing {
    /// Rows of a tile; the last tile may have fewer.
    pub(super) rows: usize,
    /// Elements that share a scale; a row's last segment may have fewer.
    pub(super) segment: usize,
    /// What the largest element of a segment becomes.
    pub(super) largest: i16,
    /// Elements of a row that lie side by side: those of the processor's vector.
    pub(super) vector: usize,
}

/// Rows of activations in tiles. In a tile the rows' vectors lie side by side, so that a product reads on from one address.
pub(super) struct Activations {
    pub(super) packing: Packing,
    /// Elements of a row.
    pub(super) width: usize,
    /// `[tiles, width / vector, rows of the tile, vector]`
    integers: Aligned<i16>,
    /// `[tiles, segments, rows of the tile]`
    scales: Vec<f32>,
}

/// A tile's rows.
#[derive(Clone, Copy)]
pub(super) struct RowTile<'a> {
    pub(super) rows: usize,
    pub(super) integers: &'a [i16],
    pub(super) scales: &'a [f32],
}

impl Activations {
    /// `x`: rows of `width` elements, whole vectors.
    pub(super) fn new(x: &[f32], width: usize, packing: Packing) -> Self {
        let segments = width.div_ceil(packing.segment);
        let rows = x.len() / width;
        let mut integers = Aligned::zeros(x.len());
        let mut scales = vec![0.0; rows * segments];
        let tiles = x.chunks(packing.rows * width);
        let integer_tiles = integers.chunks_mut(packing.rows * width);
        let scale_tiles = scales.chunks_mut(packing.rows * segments);
        for ((x, integers), scales) in tiles.zip(integer_tiles).zip(scale_tiles) {
            let rows = x.len() / width;
            for (row, x) in x.chunks_exact(width).enumerate() {
                for (segment, x) in x.chunks(packing.segment).enumerate() {
                    let integers = &mut integers[segment * packing.segment * rows..];
                    scales[segment * rows + row] = quantize(x, packing, row, rows, integers);
                }
            }
        }
        Self {
            packing,
            width,
            integers,
            scales,
        }
    }

    pub(super) fn rows(&self) -> usize {
        self.integers.len() / self.width
    }

    pub(super) fn tiles(&self) -> impl Iterator<Item = RowTile<'_>> {
        let segments = self.width.div_ceil(self.packing.segment);
        let integers = self.integers.chunks(self.packing.rows * self.width);
        let scales = self.scales.chunks(self.packing.rows * segments);
        integers.zip(scales).map(move |(integers, scales)| RowTile {
            rows: scales.len() / segments,
            integers,
            scales,
        })
    }
}

/// A row's segment into its place among the tile's; its scale.
fn quantize(x: &[f32], packing: Packing, row: usize, rows: usize, integers: &mut [i16]) -> f32 {
    let mut sizes = [0f32; LANES];
    // Not a number as soon as one value is none or infinite: it must not turn into a number on the way.
    let mut poison = [0f32; LANES];
    let eights = x.as_chunks::<LANES>().0;
    for eight in eights {
        for lane in 0..LANES {
            // Not `f32::max`, for which there is no vector instruction: what is no number is seen to below.
            let size = eight[lane].abs();
            sizes[lane] = if size > sizes[lane] {
                size
            } else {
                sizes[lane]
            };
            poison[lane] += eight[lane] * 0.0;
        }
    }
    let scale = largest(&sizes) / f32::from(packing.largest);
    let factor = if scale > 0.0 { 1.0 / scale } else { 0.0 };
    let vectors = integers.chunks_exact_mut(packing.vector);
    let own = vectors.skip(row).step_by(rows);
    for (x, integers) in x.chunks_exact(packing.vector).zip(own) {
        let eights = x.as_chunks::<LANES>().0;
        for (x, integers) in eights.iter().zip(integers.as_chunks_mut::<LANES>().0) {
            for (integer, &x) in integers.iter_mut().zip(x) {
                // Adding 1.5 · 2²³ rounds to nearest and leaves the integer in the lowest bits: `round` and a conversion
                // that saturates are many operations where there is no instruction for them.
                const ROUND: f32 = 12_582_912.0;
                *integer = (x * factor + ROUND).to_bits() as i16;
            }
        }
    }
    scale + poison.into_iter().sum::<f32>()
}
