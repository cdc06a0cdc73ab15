//! A matrix of the model, in whatever form it is stored.

use super::init::{empty_words, random};
use crate::compute::dense::project;
use crate::compute::{self, Activation, Epilogue, QuantizedMatrix};
use crate::formats::Storage;
use crate::formats::blocks::{QuantFormat, blocks};
use burn::module::{Module, Param};
use burn::tensor::{Device, Int, Tensor};

/// Where the parameters of a part of the model will live, and how its matrices are stored there.
#[derive(Debug, Clone)]
pub struct Place {
    /// Device of every parameter.
    pub device: Device,
    /// Form of the matrices; norms, biases and position tables are always floats.
    pub storage: Storage,
}

impl Place {
    /// Matrices in one of the forms.
    pub fn new(device: &Device, storage: Storage) -> Self {
        Self {
            device: device.clone(),
            storage,
        }
    }

    /// All parameters as floats.
    pub fn dense(device: &Device) -> Self {
        Self::new(device, Storage::F32)
    }
}

/// `[out_features, in_features]`, laid out as checkpoints store it. The variants are storage: names in
/// checkpoints do not have them (`checkpoint/names.rs`).
#[derive(Module, Debug)]
pub enum Weight {
    /// Floats.
    Dense(Param<Tensor<2>>),
    /// Blocks of 8-bit integers.
    Q8(QuantizedWeight),
    /// Blocks of 4-bit integers.
    Q4(QuantizedWeight),
}

/// Blocks of integers and their scales, as [`crate::formats::blocks`] describes them.
#[derive(Module, Debug)]
pub struct QuantizedWeight {
    /// `u32` words, flat. Before anything is loaded its shape is that of the matrix.
    words: Param<Tensor<1, Int>>,
    /// Pairs of halves in `u32` words, flat, the last one filled up.
    scales: Param<Tensor<1, Int>>,
    #[module(skip)]
    shape: [usize; 2],
}

impl Weight {
    /// A matrix that waits for a checkpoint. A dense one can also be drawn at random, with standard deviation `std`.
    pub fn new(shape: [usize; 2], std: f64, place: &Place) -> Self {
        match place.storage {
            Storage::F32 => Weight::Dense(random(shape, std, &place.device)),
            Storage::Quantized(format) => {
                let weight = QuantizedWeight::new(format, shape, &place.device);
                match format {
                    QuantFormat::Q8 => Weight::Q8(weight),
                    QuantFormat::Q4 => Weight::Q4(weight),
                }
            }
        }
    }

    /// `[out_features, in_features]`
    pub fn shape(&self) -> [usize; 2] {
        match self {
            Weight::Dense(weight) => weight.lazy_shape().dims(),
            Weight::Q8(weight) | Weight::Q4(weight) => weight.shape,
        }
    }

    /// `x Wᵀ` and what is added: `[rows, in_features]` → `[rows, out_features]`
    pub fn product(&self, x: Tensor<2>, epilogue: Epilogue) -> Tensor<2> {
        match self {
            Weight::Dense(weight) => epilogue.apply(project(x, weight.val())),
            Weight::Q8(weight) => compute::product(x, &weight.value(QuantFormat::Q8), epilogue),
            Weight::Q4(weight) => compute::product(x, &weight.value(QuantFormat::Q4), epilogue),
        }
    }

    /// The blocks of one that is stored in blocks.
    fn quantized(&self) -> Option<QuantizedMatrix> {
        match self {
            Weight::Dense(_) => None,
            Weight::Q8(weight) => Some(weight.value(QuantFormat::Q8)),
            Weight::Q4(weight) => Some(weight.value(QuantFormat::Q4)),
        }
    }

    /// `x Wᵀ` of three matrices, `[3, rows, out_features]`, where that is quicker than one after the other.
    pub(crate) fn product_three(weights: [&Self; 3], x: &Tensor<2>) -> Option<Tensor<3>> {
        let [a, b, c] = weights.map(Self::quantized);
        compute::product_three(x, [&a?, &b?, &c?])
    }

    /// `activation(x W₀ᵀ) · x W₁ᵀ`: `[rows, in_features]` → `[rows, out_features]`
    pub(crate) fn product_gated(
        weights: [&Self; 2],
        activation: Activation,
        x: Tensor<2>,
    ) -> Tensor<2> {
        if let [Some(gate), Some(linear)] = weights.map(Self::quantized) {
            return compute::product_gated(x, [&gate, &linear], activation);
        }
        let [gate, linear] = weights;
        let gate = gate.product(x.clone(), Epilogue::default());
        activation.gate(gate, linear.product(x, Epilogue::default()))
    }

    /// `[n]` ids → the rows of these ids as floats, `[n, in_features]`; no other row is read.
    pub fn rows(&self, ids: Tensor<1, Int>) -> Tensor<2> {
        match self {
            Weight::Dense(weight) => weight.val().select(0, ids),
            Weight::Q8(weight) => compute::rows(ids, &weight.value(QuantFormat::Q8)),
            Weight::Q4(weight) => compute::rows(ids, &weight.value(QuantFormat::Q4)),
        }
    }
}

impl QuantizedWeight {
    fn new(format: QuantFormat, shape: [usize; 2], device: &Device) -> Self {
        let [out_features, in_features] = shape;
        let words = out_features * format.words_per_row(in_features);
        let scales = (out_features * blocks(in_features)).div_ceil(2);
        Self {
            words: empty_words(words, &shape, device),
            scales: empty_words(scales, &[scales], device),
            shape,
        }
    }

    fn value(&self, format: QuantFormat) -> QuantizedMatrix {
        QuantizedMatrix {
            words: self.words.val(),
            scales: self.scales.val(),
            format,
            shape: self.shape,
        }
    }
}
