//! Pieces of tensors on their way from a file's form to the device's.

use super::folder::ModelFolder;
use super::open::{Checkpoint, Form};
use super::pieces::{Pieces, words};
use super::slots::{Arrived, scales_of};
use crate::compute;
use crate::compute::device;
use crate::error::Result;
use crate::quant::{Effort, QuantFormat, blocks, quantize};
use burn::tensor::{DType, Device, Int, Tensor, TensorData, s};
use half::f16;
use std::collections::HashMap;

/// How the bytes of an entry become what the model wants.
pub(super) enum Way {
    /// A quantized matrix' words, as they are.
    Words,
    /// A quantized matrix' scales, as they are.
    Scales,
    /// By way of floats, into blocks or not.
    Convert {
        form: Form,
        to: Option<QuantFormat>,
        /// Of the tensor, whatever its form.
        shape: Vec<usize>,
    },
}

/// Takes pieces in any number, in order within a tensor.
pub(super) struct Sink<'a, F> {
    pieces: Pieces<'a, F>,
    device: &'a Device,
    pub(super) arrived: Arrived,
    /// Scales of matrices that have not come to their end: pairs of halves may lie in two pieces.
    halves: HashMap<String, Vec<f16>>,
    /// What was put on the device last.
    last: Last,
}

#[derive(Default)]
enum Last {
    #[default]
    Nothing,
    Floats(String),
    Words(String),
}

impl<'a, F: ModelFolder> Sink<'a, F> {
    pub(super) fn new(checkpoint: &'a Checkpoint, folder: &'a F, device: &'a Device) -> Self {
        Self {
            pieces: Pieces::new(checkpoint, folder),
            device,
            arrived: Arrived::default(),
            halves: HashMap::new(),
            last: Last::Nothing,
        }
    }

    /// Some of an entry's bytes, from its byte `first` on.
    pub(super) async fn take(
        &mut self,
        entry: usize,
        way: &Way,
        first: usize,
        bytes: &[u8],
    ) -> Result<()> {
        let about = &self.pieces.checkpoint.entries[entry];
        let name = &about.published;
        match way {
            Way::Words => {
                let total = about.bytes() as usize / 4;
                self.push_words(name, first / 4, total, words(bytes));
            }
            Way::Scales => {
                let halves = self.pieces.halves(entry, first, bytes)?;
                self.push_scales(name, about.bytes() as usize / 2, halves);
            }
            Way::Convert { form, to, shape } => {
                let floats = self.pieces.floats(entry, *form, shape, first, bytes);
                let (start, values) = floats.await?;
                let total = shape.iter().product();
                match (to, &shape[..]) {
                    (Some(format), &[_, in_features]) => {
                        self.push_blocks(name, *format, start, total, in_features, &values);
                    }
                    _ => self.push_floats(name, start, total, values),
                }
            }
        }
        Ok(())
    }

    fn push_floats(&mut self, name: &str, start: usize, total: usize, values: Vec<f32>) {
        let shape = [values.len()];
        let piece = Tensor::<1>::from_data(TensorData::new(values, shape), self.device);
        let end = start + shape[0];
        let tensor = if shape[0] == total {
            piece
        } else {
            let whole = self.arrived.floats.remove(name);
            let whole = whole.unwrap_or_else(|| Tensor::empty([total], self.device));
            whole.slice_assign(s![start..end], piece)
        };
        self.arrived.floats.insert(name.to_string(), tensor);
        self.last = Last::Floats(name.to_string());
    }

    fn push_words(&mut self, name: &str, start: usize, total: usize, words: Vec<u32>) {
        let end = start + words.len();
        let piece = compute::upload(words, self.device);
        let tensor = if end - start == total {
            piece
        } else {
            let whole = self.arrived.words.remove(name);
            let whole: Tensor<1, Int> =
                whole.unwrap_or_else(|| Tensor::empty([total], (self.device, DType::U32)));
            whole.slice_assign(s![start..end], piece)
        };
        self.arrived.words.insert(name.to_string(), tensor);
        self.last = Last::Words(name.to_string());
    }

    /// The next halves of `total`; on the device once all have come.
    fn push_scales(&mut self, name: &str, total: usize, halves: Vec<f16>) {
        let mut all = self.halves.remove(name).unwrap_or_default();
        all.extend(halves);
        if all.len() < total {
            self.halves.insert(name.to_string(), all);
            return;
        }
        let words = compute::pair(&all);
        self.push_words(name, 0, words.len(), words);
    }

    /// Whole rows, quantized here.
    fn push_blocks(
        &mut self,
        name: &str,
        format: QuantFormat,
        start: usize,
        total: usize,
        in_features: usize,
        values: &[f32],
    ) {
        let packed = quantize(format, values, in_features, Effort::Fast);
        let (row, rows) = (start / in_features.max(1), total / in_features.max(1));
        let row_words = format.words_per_row(in_features);
        let row_blocks = blocks(in_features);
        self.push_words(name, row * row_words, rows * row_words, packed.words);
        self.push_scales(&scales_of(name), rows * row_blocks, packed.scales);
    }

    /// Waits until the device has what was put there, so that host copies do not pile up.
    pub(super) async fn settle(&mut self) -> Result<()> {
        match std::mem::take(&mut self.last) {
            Last::Nothing => {}
            Last::Floats(name) => {
                if let Some(tensor) = self.arrived.floats.get(&name) {
                    device::read(tensor.clone().narrow(0, 0, 1)).await?;
                }
            }
            Last::Words(name) => {
                if let Some(tensor) = self.arrived.words.get(&name) {
                    tensor.clone().narrow(0, 0, 1).into_data_async().await?;
                }
            }
        }
        Ok(())
    }
}
