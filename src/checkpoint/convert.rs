//! A model folder's weights in another form, chunk by chunk from file to file.

use super::names::TensorNames;
use super::open::{Checkpoint, Form};
use super::reader::Reader;
use super::shards::{ShardWriter, specs};
use super::slots::{Slot, scales_of};
use super::spans::rows_at_once;
use crate::error::{Error, Result};
use crate::formats::blocks::{Effort, QuantFormat, blocks, quantize};
use crate::formats::safetensors::{ElementType, TensorSpec};
use crate::formats::{Dtype, ModelFolder, PartDtypes, read_exactly};
use half::f16;
use std::path::Path;

/// How a checkpoint is to be written.
#[derive(Debug, Clone, Copy)]
pub struct Conversion {
    /// Names of the tensors, which say what part each belongs to.
    pub names: TensorNames,
    /// The form of each part's matrices.
    pub dtypes: PartDtypes,
    /// Work for each block.
    pub effort: Effort,
    /// Bytes of a shard.
    pub shard_size: u64,
}

/// One tensor's way.
struct Job<'a> {
    slot: &'a Slot,
    entry: usize,
    form: Form,
    /// Element type of what is no matrix in blocks.
    dtype: ElementType,
}

impl Checkpoint {
    /// Writes the tensors that `slots` call for, in another form, into an existing folder. `progress` gets bytes read and
    /// bytes to read.
    ///
    /// # Errors
    /// The first of [`Checkpoint::problems`]; [`Error::Corrupt`] for weights that are not finite or too large for halves;
    /// [`Error::Io`].
    pub async fn convert(
        &self,
        folder: &impl ModelFolder,
        slots: &[Slot],
        conversion: &Conversion,
        to: &Path,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<()> {
        let (forms, problems) = self.forms(slots);
        if let Some(problem) = problems.into_iter().next() {
            return Err(problem);
        }
        let jobs: Vec<Job> = forms
            .iter()
            .filter_map(|(&entry, &form)| {
                let name = &self.entries[entry].published;
                let slot = slots.iter().find(|slot| slot.name == *name)?;
                let dtype = float_type(conversion.dtypes.of((conversion.names.part)(name)), form);
                Some(Job {
                    slot,
                    entry,
                    form,
                    dtype,
                })
            })
            .collect();
        let tensors: Vec<TensorSpec> = jobs
            .iter()
            .flat_map(|job| specs(job.slot, job.dtype))
            .collect();
        let indexed = conversion.dtypes.any_quantized();
        let mut writer = ShardWriter::new(to, &tensors, conversion.shard_size, indexed)?;
        let mut reader = Reader::new(self, folder);
        let total = jobs.iter().map(|job| self.entries[job.entry].bytes()).sum();
        let mut done = 0;
        for job in &jobs {
            let entry = &self.entries[job.entry];
            let step = rows_at_once(entry);
            let mut start = entry.range.start;
            while start < entry.range.end {
                let end = entry.range.end.min(start + step);
                let bytes = read_exactly(folder, &entry.file, start..end).await?;
                let first = (start - entry.range.start) as usize;
                match (job.form, job.slot.format) {
                    // Nothing is rounded twice.
                    (Form::Blocks(stored, _), Some(wanted)) if stored == wanted => {
                        writer.write(&job.slot.name, first as u64, &bytes)?;
                    }
                    _ => {
                        let shape = &job.slot.shape;
                        let floats = reader.floats(job.entry, job.form, shape, first, &bytes);
                        let (index, values) = floats.await?;
                        job.write(index, &values, conversion.effort, &mut writer)?;
                    }
                }
                done += end - start;
                start = end;
                progress(done, total);
            }
            if let (Form::Blocks(stored, scales), Some(wanted)) = (job.form, job.slot.format)
                && stored == wanted
            {
                let about = &self.entries[scales];
                let bytes = read_exactly(folder, &about.file, about.range.clone()).await?;
                writer.write(&scales_of(&job.slot.name), 0, &bytes)?;
            }
        }
        writer.finish()
    }
}

/// The type of a part's tensors that are not in blocks: its own, or as they were beside matrices in blocks.
fn float_type(dtype: Dtype, form: Form) -> ElementType {
    match (dtype, form) {
        (Dtype::F16, _) => ElementType::F16,
        (Dtype::Q8 | Dtype::Q4, Form::Floats(stored)) => stored,
        _ => ElementType::F32,
    }
}

impl Job<'_> {
    /// Floats of the tensor from `index` on: whole rows where it becomes blocks.
    fn write(
        &self,
        index: usize,
        values: &[f32],
        effort: Effort,
        writer: &mut ShardWriter,
    ) -> Result<()> {
        let name = &self.slot.name;
        let (Some(format), &[_, in_features]) = (self.slot.format, &self.slot.shape[..]) else {
            let bytes = self.dtype.encode(values);
            if self.dtype == ElementType::F16 {
                self.check_range(index, values)?;
            }
            return writer.write(name, (index * self.dtype.size()) as u64, &bytes);
        };
        let row = index / in_features.max(1);
        let packed = quantize_rows(format, values, in_features, effort);
        let words: Vec<u8> = packed
            .0
            .iter()
            .flat_map(|word| word.to_le_bytes())
            .collect();
        let scales: Vec<u8> = packed
            .1
            .iter()
            .flat_map(|half| half.to_le_bytes())
            .collect();
        let first = (row * format.words_per_row(in_features) * 4) as u64;
        writer.write(name, first, &words)?;
        let first = (row * blocks(in_features) * 2) as u64;
        writer.write(&scales_of(name), first, &scales)
    }

    fn check_range(&self, index: usize, values: &[f32]) -> Result<()> {
        let Some(at) = values.iter().position(|v| f16::from_f32(*v).is_infinite()) else {
            return Ok(());
        };
        let problem = format!("[{}] is {}, too large for f16", index + at, values[at]);
        Err(Error::corrupt(&self.slot.name, problem))
    }
}

/// On all of the processor's cores, where the build has threads: searching scales takes a while.
fn quantize_rows(
    format: QuantFormat,
    values: &[f32],
    in_features: usize,
    effort: Effort,
) -> (Vec<u32>, Vec<f16>) {
    #[cfg(feature = "threads")]
    use rayon::prelude::*;
    let rows = (65_536 / in_features.max(1)).max(1);
    let rows = rows * in_features.max(1);
    #[cfg(feature = "threads")]
    let parts = values.par_chunks(rows);
    #[cfg(not(feature = "threads"))]
    let parts = values.chunks(rows);
    let parts: Vec<_> = parts
        .map(|part| quantize(format, part, in_features, effort))
        .collect();
    let mut all = (vec![], vec![]);
    for part in parts {
        all.0.extend(part.words);
        all.1.extend(part.scales);
    }
    all
}
