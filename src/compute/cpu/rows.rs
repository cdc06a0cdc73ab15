//! Single rows of a matrix in blocks.

use super::Matrix;
use crate::formats::blocks::{blocks, dequantize};
use half::f16;

/// The rows of these ids as floats, one after the other. Ids have to be below `out_features`.
pub fn rows(ids: &[usize], weight: Matrix) -> Vec<f32> {
    let in_features = weight.shape[1];
    let (row_words, row_blocks) = (
        weight.format.words_per_row(in_features),
        blocks(in_features),
    );
    ids.iter()
        .flat_map(|&id| {
            let words = &weight.words[id * row_words..][..row_words];
            let scales = &weight.scales[id * row_blocks..][..row_blocks];
            let scales: Vec<f16> = scales.iter().map(|&bits| f16::from_bits(bits)).collect();
            dequantize(weight.format, words, &scales, in_features)
        })
        .collect()
}
