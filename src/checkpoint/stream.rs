//! The stream of a checkpoint's tensors onto the device. At any time the host holds one chunk of one of them.

use super::open::{Checkpoint, File, Form};
use super::slots::{DeviceTensors, Slot};
use super::spans::spans;
use super::upload::{Transfer, Upload};
use crate::error::{Error, Result};
use crate::formats::index::hex;
use crate::formats::{ModelFolder, read_exactly};
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
    /// Streams the tensors that a model has slots for onto the device, in file order; each chunk is there before the next is
    /// read. Where file and slot store a matrix in different forms it is converted chunk by chunk, so that a folder of floats
    /// can be loaded quantized. Shards whose hash the index gives are hashed as they pass.
    ///
    /// `largest_buffer`: the bytes that the device takes for one tensor.
    ///
    /// # Errors
    /// The first of [`Checkpoint::problems`] and tensors that are too large for the device, before anything is read; then
    /// whatever reading or the device brings, and [`Error::Corrupt`] for a shard with another hash.
    pub async fn stream(
        &self,
        folder: &impl ModelFolder,
        slots: &[Slot],
        device: &Device,
        largest_buffer: Option<u64>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<DeviceTensors> {
        let (forms, problems) = self.forms(slots);
        if let Some(problem) = problems.into_iter().next() {
            return Err(problem);
        }
        if let Some(limit) = largest_buffer {
            check_sizes(slots, limit)?;
        }
        let transfers = self.transfers(slots, &forms);
        let spans = spans(self, &transfers);
        let mut upload = Upload::new(self, folder, device);
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
            for chunk in &span.chunks {
                let at = |position: u64| (position - span.range.start) as usize;
                let bytes = &bytes[at(chunk.range.start)..at(chunk.range.end)];
                let first = chunk.range.start - self.entries[chunk.entry].range.start;
                let transfer = &transfers[&chunk.entry];
                upload
                    .take(chunk.entry, transfer, first as usize, bytes)
                    .await?;
            }
            drop(bytes);
            upload.settle().await?;
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
        Ok(upload.tensors)
    }

    /// Entry by entry, how its bytes become what the slot wants.
    fn transfers(
        &self,
        slots: &[Slot],
        forms: &BTreeMap<usize, Form>,
    ) -> BTreeMap<usize, Transfer> {
        let slots: HashMap<&str, &Slot> = slots.iter().map(|s| (s.name.as_str(), s)).collect();
        let mut transfers = BTreeMap::new();
        for (&i, &form) in forms {
            let slot = slots[self.entries[i].published.as_str()];
            match (form, slot.format) {
                (Form::Blocks(stored, scales), Some(wanted)) if stored == wanted => {
                    transfers.insert(i, Transfer::Words);
                    transfers.insert(scales, Transfer::Scales);
                }
                (form, to) => {
                    let shape = slot.shape.clone();
                    transfers.insert(i, Transfer::Convert { form, to, shape });
                }
            }
        }
        transfers
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
