//! Pieces of tensors on their way from a file's form to the device's.

use super::checkpoint::{Checkpoint, Entry, Form};
use super::folder::{ModelFolder, read_exactly};
use super::header::ElementType;
use super::slots::{Arrived, scales_of};
use crate::device;
use crate::error::{Error, Result};
use crate::kernels;
use crate::quant::{Effort, QuantFormat, dequantize, quantize};
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
    checkpoint: &'a Checkpoint,
    folder: &'a F,
    device: &'a Device,
    pub(super) arrived: Arrived,
    /// Scales of matrices that have not come to their end: pairs of halves may lie in two pieces.
    halves: HashMap<String, Vec<f16>>,
    /// Scales of the matrix that is being converted from blocks, read ahead of its words.
    ahead: Option<(usize, Vec<f16>)>,
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
            checkpoint,
            folder,
            device,
            arrived: Arrived::default(),
            halves: HashMap::new(),
            ahead: None,
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
        let about = &self.checkpoint.entries[entry];
        let name = &about.published;
        match way {
            Way::Words => {
                let total = about.bytes() as usize / 4;
                self.push_words(name, first / 4, total, words(bytes));
            }
            Way::Scales => {
                let halves = self.finite_halves(about, first / 2, bytes)?;
                self.push_scales(name, about.bytes() as usize / 2, halves);
            }
            Way::Convert { form, to, shape } => {
                let (start, values) = self.values(about, *form, shape, first, bytes).await?;
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

    /// A piece as floats, and the index of the first of them in the tensor.
    async fn values(
        &mut self,
        entry: &Entry,
        form: Form,
        shape: &[usize],
        first: usize,
        bytes: &[u8],
    ) -> Result<(usize, Vec<f32>)> {
        match form {
            Form::Floats(dtype) => {
                let (start, values) = (first / dtype.size(), dtype.decode(bytes));
                self.check_finite(entry, start, &values)?;
                Ok((start, values))
            }
            Form::Blocks(format, scales) => {
                // Pieces are whole rows (`spans.rs`).
                let in_features = shape.last().copied().unwrap_or(1);
                let row_blocks = crate::quant::blocks(in_features);
                let row_bytes = 4 * format.words_per_row(in_features).max(1);
                let (row, rows) = (first / row_bytes, bytes.len() / row_bytes);
                let scales = self.scales_ahead(scales).await?;
                let scales = &scales[row * row_blocks..][..rows * row_blocks];
                let values = dequantize(format, &words(bytes), scales, in_features);
                Ok((row * in_features, values))
            }
        }
    }

    /// The scales of a matrix whose words are coming.
    async fn scales_ahead(&mut self, index: usize) -> Result<&[f16]> {
        if self.ahead.as_ref().is_none_or(|(of, _)| *of != index) {
            let entry = &self.checkpoint.entries[index];
            let bytes = read_exactly(self.folder, &entry.file, entry.range.clone()).await?;
            self.ahead = Some((index, self.finite_halves(entry, 0, &bytes)?));
        }
        Ok(self.ahead.as_ref().map_or(&[], |(_, scales)| scales))
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
        let piece = kernels::upload(words, self.device);
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
        let words = kernels::pair(&all);
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
        let row_blocks = crate::quant::blocks(in_features);
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

    fn finite_halves(&self, entry: &Entry, start: usize, bytes: &[u8]) -> Result<Vec<f16>> {
        let values = ElementType::F16.decode(bytes);
        self.check_finite(entry, start, &values)?;
        let pairs = bytes.as_chunks::<2>().0.iter();
        Ok(pairs.map(|b| f16::from_le_bytes(*b)).collect())
    }

    fn check_finite(&self, entry: &Entry, start: usize, values: &[f32]) -> Result<()> {
        let Some(index) = values.iter().position(|value| !value.is_finite()) else {
            return Ok(());
        };
        let problem = format!("{}[{}] is {}", entry.name, start + index, values[index]);
        Err(Error::corrupt(self.folder.describe(&entry.file), problem))
    }
}

/// Little-endian words.
fn words(bytes: &[u8]) -> Vec<u32> {
    let fours = bytes.as_chunks::<4>().0.iter();
    fours.map(|b| u32::from_le_bytes(*b)).collect()
}
