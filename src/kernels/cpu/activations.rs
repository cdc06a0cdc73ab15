//! Activations as 16-bit integers in blocks.

use crate::quant::BLOCK;

/// Rows of activations, each block with a scale.
pub(super) struct Activations {
    /// `[rows, blocks, BLOCK]`
    pub(super) integers: Vec<i16>,
    /// `[rows, blocks]`
    pub(super) scales: Vec<f32>,
}

impl Activations {
    /// `x`: any number of whole blocks.
    pub(super) fn new(x: &[f32]) -> Self {
        let blocks = x.as_chunks::<BLOCK>().0;
        let mut integers = vec![0; x.len()];
        let scales = blocks
            .iter()
            .zip(integers.as_chunks_mut::<BLOCK>().0)
            .map(|(block, integers)| quantize(block, integers))
            .collect();
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
        // Adding and taking away 1.5 · 2²³ rounds to nearest: `round` is a call where there is no instruction for it.
        const ROUND: f32 = 12_582_912.0;
        *integer = ((x * factor + ROUND) - ROUND) as i16;
    }
    scale + poison.into_iter().sum::<f32>()
}
