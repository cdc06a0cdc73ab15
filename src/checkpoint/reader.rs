//! Chunks of a file's tensors as floats, whatever form they are stored in.

use super::open::{Checkpoint, Entry, Form};
use crate::error::{Error, Result};
use crate::formats::blocks::{blocks, dequantize};
use crate::formats::safetensors::ElementType;
use crate::formats::{ModelFolder, read_exactly};
use half::f16;

/// Reads a checkpoint's chunks.
pub(super) struct Reader<'a, F> {
    pub(super) checkpoint: &'a Checkpoint,
    folder: &'a F,
    /// Scales of the matrix that is being read, which are needed with its words.
    ahead: Option<(usize, Vec<f16>)>,
}

impl<'a, F: ModelFolder> Reader<'a, F> {
    pub(super) fn new(checkpoint: &'a Checkpoint, folder: &'a F) -> Self {
        Self {
            checkpoint,
            folder,
            ahead: None,
        }
    }

    /// Some of an entry's bytes, from its byte `first` on, as floats, and the index of the first float in the tensor.
    /// Chunks of quantized matrices are whole rows. `shape` is the tensor's, whatever its form.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for values that are not finite; the folder's.
    pub(super) async fn floats(
        &mut self,
        entry: usize,
        form: Form,
        shape: &[usize],
        first: usize,
        bytes: &[u8],
    ) -> Result<(usize, Vec<f32>)> {
        let about = &self.checkpoint.entries[entry];
        match form {
            Form::Floats(dtype) => {
                let (start, values) = (first / dtype.size(), dtype.decode(bytes));
                self.check_finite(about, start, &values)?;
                Ok((start, values))
            }
            Form::Blocks(format, scales) => {
                let in_features = shape.last().copied().unwrap_or(1);
                let row_blocks = blocks(in_features);
                let row_bytes = 4 * format.words_per_row(in_features).max(1);
                let (row, rows) = (first / row_bytes, bytes.len() / row_bytes);
                let scales = self.scales(scales).await?;
                let scales = &scales[row * row_blocks..][..rows * row_blocks];
                let values = dequantize(format, &words(bytes), scales, in_features);
                Ok((row * in_features, values))
            }
        }
    }

    /// Some of the halves of an entry that holds scales.
    pub(super) fn halves(&self, entry: usize, first: usize, bytes: &[u8]) -> Result<Vec<f16>> {
        let values = ElementType::F16.decode(bytes);
        self.check_finite(&self.checkpoint.entries[entry], first / 2, &values)?;
        let pairs = bytes.as_chunks::<2>().0.iter();
        Ok(pairs.map(|b| f16::from_le_bytes(*b)).collect())
    }

    async fn scales(&mut self, index: usize) -> Result<&[f16]> {
        if self.ahead.as_ref().is_none_or(|(of, _)| *of != index) {
            let entry = &self.checkpoint.entries[index];
            let bytes = read_exactly(self.folder, &entry.file, entry.range.clone()).await?;
            self.ahead = Some((index, self.halves(index, 0, &bytes)?));
        }
        Ok(self.ahead.as_ref().map_or(&[], |(_, scales)| scales))
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
pub(super) fn words(bytes: &[u8]) -> Vec<u32> {
    let fours = bytes.as_chunks::<4>().0.iter();
    fours.map(|b| u32::from_le_bytes(*b)).collect()
}
