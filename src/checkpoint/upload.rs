//! Chunks of tensors on their way from a file's form to the device's.

use super::open::{Checkpoint, Form};
use super::reader::{Reader, words};
use super::slots::{DeviceTensors, scales_of};
use crate::compute;
use crate::compute::device;
use crate::error::Result;
use crate::formats::ModelFolder;
use crate::formats::blocks::{Effort, QuantFormat, blocks, quantize};
use burn::tensor::{DType, Device, Int, Tensor, TensorData, s};
use half::f16;
use std::collections::HashMap;

/// How the bytes of an entry become what the model wants.
pub(super) enum Transfer {
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

/// Takes chunks in any number, in order within a tensor.
pub(super) struct Upload<'a, F> {
    reader: Reader<'a, F>,
    device: &'a Device,
    pub(super) tensors: DeviceTensors,
    /// Scales of matrices that have not come to their end: pairs of halves may lie in two chunks.
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

impl<'a, F: ModelFolder> Upload<'a, F> {
    pub(super) fn new(checkpoint: &'a Checkpoint, folder: &'a F, device: &'a Device) -> Self {
        Self {
            reader: Reader::new(checkpoint, folder),
            device,
            tensors: DeviceTensors::default(),
            halves: HashMap::new(),
            last: Last::Nothing,
        }
    }

    /// Some of an entry's bytes, from its byte `first` on.
    pub(super) async fn take(
        &mut self,
        entry: usize,
        transfer: &Transfer,
        first: usize,
        bytes: &[u8],
    ) -> Result<()> {
        let about = &self.reader.checkpoint.entries[entry];
        let name = &about.published;
        match transfer {
            Transfer::Words => {
                let total = about.bytes() as usize / 4;
                self.push_words(name, first / 4, total, words(bytes));
            }
            Transfer::Scales => {
                let halves = self.reader.halves(entry, first, bytes)?;
                self.push_scales(name, about.bytes() as usize / 2, halves);
            }
            Transfer::Convert { form, to, shape } => {
                let floats = self.reader.floats(entry, *form, shape, first, bytes);
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
        let chunk = Tensor::<1>::from_data(TensorData::new(values, shape), self.device);
        let end = start + shape[0];
        let tensor = if shape[0] == total {
            chunk
        } else {
            let whole = self.tensors.floats.remove(name);
            let whole = whole.unwrap_or_else(|| Tensor::empty([total], self.device));
            whole.slice_assign(s![start..end], chunk)
        };
        self.tensors.floats.insert(name.to_string(), tensor);
        self.last = Last::Floats(name.to_string());
    }

    fn push_words(&mut self, name: &str, start: usize, total: usize, words: Vec<u32>) {
        let end = start + words.len();
        let chunk = compute::upload(words, self.device);
        let tensor = if end - start == total {
            chunk
        } else {
            let whole = self.tensors.words.remove(name);
            let whole: Tensor<1, Int> =
                whole.unwrap_or_else(|| Tensor::empty([total], (self.device, DType::U32)));
            whole.slice_assign(s![start..end], chunk)
        };
        self.tensors.words.insert(name.to_string(), tensor);
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
                if let Some(tensor) = self.tensors.floats.get(&name) {
                    device::read(tensor.clone().narrow(0, 0, 1)).await?;
                }
            }
            Last::Words(name) => {
                if let Some(tensor) = self.tensors.words.get(&name) {
                    tensor.clone().narrow(0, 0, 1).into_data_async().await?;
                }
            }
        }
        Ok(())
    }
}
