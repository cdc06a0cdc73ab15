//! A quantized matrix on a device.

use crate::formats::blocks::QuantFormat;
use burn::tensor::{DType, Device, Int, Tensor, TensorData};

/// A matrix in blocks, on a device.
#[derive(Debug, Clone)]
pub struct QuantizedMatrix {
    /// The blocks' integers, `u32`, flat: rows of `format.words_per_row(in_features)`.
    pub words: Tensor<1, Int>,
    /// The blocks' scales, halves two to a `u32`, flat: rows of `blocks(in_features)` halves with nothing between.
    pub scales: Tensor<1, Int>,
    /// What a block looks like.
    pub format: QuantFormat,
    /// `[out_features, in_features]`
    pub shape: [usize; 2],
}

impl QuantizedMatrix {
    /// A matrix from host memory: `scales` are halves.
    pub fn new(
        format: QuantFormat,
        shape: [usize; 2],
        words: Vec<u32>,
        scales: &[half::f16],
        device: &Device,
    ) -> Self {
        Self {
            words: upload(words, device),
            scales: upload(pair(scales), device),
            format,
            shape,
        }
    }
}

/// Words → a flat tensor on the device.
pub(crate) fn upload(words: Vec<u32>, device: &Device) -> Tensor<1, Int> {
    let shape = [words.len()];
    let data = TensorData::new(words, shape);
    Tensor::from_data(data, (device, DType::U32))
}

/// Halves two to a word, the first one low.
pub(crate) fn pair(halves: &[half::f16]) -> Vec<u32> {
    halves
        .chunks(2)
        .map(|pair| {
            let high = pair.get(1).map_or(0, |high| high.to_bits());
            u32::from(pair[0].to_bits()) | u32::from(high) << 16
        })
        .collect()
}
