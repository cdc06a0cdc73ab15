//! The stream of a checkpoint's tensors onto the device. At any time the host holds one piece of one of them.

use super::folder::{ModelFolder, read_exactly};
use super::open::{Checkpoint, File, Form};
use super::sink::{Sink, Way};
use super::slots::{Slot, fill, slots};
use super::spans::spans;
use crate::error::{Error, Result};
use burn::module::Module;
use burn::tensor::Device;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};

/// How far a load has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// File being read.
    pub file: String,
    /// Bytes of weights on the device so far, over all files.
    pub loaded: u64,
    /// Bytes of weights in all files.
    pub total: u64,
}

impl Checkpoint {
    /// Streams the tensors into a model, in file order; each piece is on the device before the next is read. Where file
    /// and model store a matrix in different forms it is converted piece by piece, so that a folder of floats can be loaded
    /// quantized. Shards whose hash the index gives are hashed as they pass.
    ///
    /// `largest_buffer`: the bytes that the device takes for one tensor.
    ///
    /// # Errors
    /// The first of [`Checkpoint::problems`] and tensors that are too large for the device, before anything is read; then
    /// whatever reading or the device brings, and [`Error::Corrupt`] for a shard with another hash.
    pub async fn load<M: Module>(
        &self,
        folder: &impl ModelFolder,
        model: M,
        device: &Device,
        largest_buffer: Option<u64>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<M> {
        let slots = slots(self.kind, &model);
        let (forms, problems) = self.forms(&slots);
        if let Some(problem) = problems.into_iter().next() {
            return Err(problem);
        }
        if let Some(limit) = largest_buffer {
            check_sizes(&slots, limit)?;
        }
        let ways = self.ways(&slots, &forms);
        let spans = spans(self, &ways);
        let mut sink = Sink::new(self, folder, device);
        let total = spans.iter().map(|span| span.range.end - span.range.start);
        let (total, mut loaded) = (total.sum(), 0);
        let mut hash = None;
        for (i, span) in spans.iter().enumerate() {
            let file = &self.files[span.file];
            if i == 0 || spans[i - 1].file != span.file {
                hash = file.shard.as_ref().map(|(_, header)| header.clone());
            }
            let bytes = read_exactly(folder, &file.name, span.range.clone()).await?;
            if let Some(hash) = &mut hash {
                hash.update(&bytes);
            }
            for part in &span.parts {
                let at = |position: u64| (position - span.range.start) as usize;
                let bytes = &bytes[at(part.range.start)..at(part.range.end)];
                let first = part.range.start - self.entries[part.entry].range.start;
                sink.take(part.entry, &ways[&part.entry], first as usize, bytes)
                    .await?;
            }
            drop(bytes);
            sink.settle().await?;
            if spans.get(i + 1).is_none_or(|next| next.file != span.file)
                && let Some(hash) = hash.take()
            {
                check_hash(folder, file, hash)?;
            }
            loaded += span.range.end - span.range.start;
            progress(Progress {
                file: file.name.clone(),
                loaded,
                total,
            });
        }
        Ok(fill(self.kind, model, sink.arrived))
    }

    /// Entry by entry, how its bytes become what the slot wants.
    fn ways(&self, slots: &[Slot], forms: &BTreeMap<usize, Form>) -> BTreeMap<usize, Way> {
        let slots: HashMap<&str, &Slot> = slots.iter().map(|s| (s.name.as_str(), s)).collect();
        let mut ways = BTreeMap::new();
        for (&i, &form) in forms {
            let slot = slots[self.entries[i].published.as_str()];
            match (form, slot.format) {
                (Form::Blocks(stored, scales), Some(wanted)) if stored == wanted => {
                    ways.insert(i, Way::Words);
                    ways.insert(scales, Way::Scales);
                }
                (form, to) => {
                    let shape = slot.shape.clone();
                    ways.insert(i, Way::Convert { form, to, shape });
                }
            }
        }
        ways
    }
}

/// Whether the device takes every tensor in one buffer.
fn check_sizes(slots: &[Slot], limit: u64) -> Result<()> {
    for slot in slots {
        let bytes = match (slot.format, &slot.shape[..]) {
            (Some(format), &[out_features, in_features]) => {
                4 * out_features as u64 * format.words_per_row(in_features) as u64
            }
            _ => 4 * slot.len() as u64,
        };
        if bytes > limit {
            let problem = format!(
                "{} takes {bytes} bytes on the device, which allows {limit} for a buffer; a smaller dtype or device \"cpu\" may fit",
                slot.name
            );
            return Err(Error::WebGpuUnavailable { problem });
        }
    }
    Ok(())
}

fn check_hash(folder: &impl ModelFolder, file: &File, hash: Sha256) -> Result<()> {
    let found = hex(&hash.finalize());
    match &file.shard {
        Some((shard, _)) if shard.sha256 != found => {
            let problem = format!("expected SHA-256 {}, found {found}", shard.sha256);
            Err(Error::corrupt(folder.describe(&file.name), problem))
        }
        _ => Ok(()),
    }
}

/// Lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
