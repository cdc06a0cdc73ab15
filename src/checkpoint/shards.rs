//! Writing a checkpoint in shards: the headers first, then tensors in any order and in pieces, then the hashes.

use super::slots::{Slot, scales_of};
use crate::error::{Error, Result};
use crate::formats::blocks::blocks;
use crate::formats::index::{INDEX, Index, Shard, hex};
use crate::formats::safetensors::{ElementType, FileWriter, TensorSpec};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Bytes of a shard unless it is said otherwise.
pub const SHARD_SIZE: u64 = 256_000_000;

/// What a slot becomes in a file: one tensor of `floats`, or the words and scales of a matrix in blocks.
pub(super) fn specs(slot: &Slot, floats: ElementType) -> Vec<TensorSpec> {
    let Slot {
        name,
        shape,
        format,
    } = slot;
    match (format, &shape[..]) {
        (Some(format), &[out_features, in_features]) => vec![
            TensorSpec {
                name: name.clone(),
                dtype: ElementType::U32,
                shape: vec![out_features, format.words_per_row(in_features)],
            },
            TensorSpec {
                name: scales_of(name),
                dtype: ElementType::F16,
                shape: vec![out_features, blocks(in_features)],
            },
        ],
        _ => vec![TensorSpec {
            name: name.clone(),
            dtype: floats,
            shape: shape.clone(),
        }],
    }
}

/// Shards under way.
#[derive(Debug)]
pub struct ShardWriter {
    folder: PathBuf,
    /// Name and writer of each.
    shards: Vec<(String, FileWriter)>,
    /// The shard of each tensor.
    shard_of: HashMap<String, usize>,
    indexed: bool,
    total: u64,
}

impl ShardWriter {
    /// Starts shards of at most `shard_size` bytes of tensors, or of one tensor that is larger, in an existing folder, and
    /// writes their headers. Without `indexed`, tensors that fit one shard become `model.safetensors` with no index.
    ///
    /// # Errors
    /// [`Error::Io`] when a file cannot be written.
    pub fn new(
        folder: &Path,
        tensors: &[TensorSpec],
        shard_size: u64,
        indexed: bool,
    ) -> Result<Self> {
        let mut groups: Vec<Vec<&TensorSpec>> = vec![];
        let mut size = 0;
        for tensor in tensors {
            match groups.last_mut() {
                Some(group) if size + tensor.bytes() <= shard_size => group.push(tensor),
                _ => {
                    groups.push(vec![tensor]);
                    size = 0;
                }
            }
            size += tensor.bytes();
        }
        let indexed = indexed || groups.len() > 1;
        let mut writer = Self {
            folder: folder.to_path_buf(),
            shards: vec![],
            shard_of: HashMap::new(),
            indexed,
            total: tensors.iter().map(TensorSpec::bytes).sum(),
        };
        let count = groups.len();
        for (i, group) in groups.into_iter().enumerate() {
            let name = match indexed {
                true => format!("model-{:05}-of-{count:05}.safetensors", i + 1),
                false => "model.safetensors".to_string(),
            };
            let file = FileWriter::create(&folder.join(&name), &group, &[])?;
            writer.shards.push((name, file));
            let tensors = group.iter().map(|tensor| (tensor.name.clone(), i));
            writer.shard_of.extend(tensors);
        }
        Ok(writer)
    }

    /// Writes some of a tensor's bytes, from its byte `first` on.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be written; [`Error::InvalidInput`] for bytes that are not the tensor's.
    pub fn write(&mut self, tensor: &str, first: u64, bytes: &[u8]) -> Result<()> {
        match self.shard_of.get(tensor) {
            Some(&shard) => self.shards[shard].1.write(tensor, first, bytes),
            None => Err(Error::input(tensor, "is in no shard")),
        }
    }

    /// Hashes the shards and writes the index.
    ///
    /// # Errors
    /// [`Error::Io`] when a file cannot be read back or written.
    pub fn finish(mut self) -> Result<()> {
        if !self.indexed {
            return Ok(());
        }
        let mut index = Index::default();
        index
            .metadata
            .insert("total_size".into(), self.total.into());
        let shards = std::mem::take(&mut self.shards);
        for (tensor, &shard) in &self.shard_of {
            let file = shards[shard].0.clone();
            index.weight_map.insert(tensor.clone(), file);
        }
        for (name, writer) in shards {
            let shard = hash(writer.into_file()).map_err(|error| self.io(&name, error))?;
            index.shards.insert(name, shard);
        }
        let text =
            serde_json::to_vec_pretty(&index).map_err(|error| Error::corrupt(INDEX, error))?;
        std::fs::write(self.folder.join(INDEX), text).map_err(|error| self.io(INDEX, error))
    }

    fn io(&self, file: &str, error: std::io::Error) -> Error {
        Error::Io {
            file: self.folder.join(file).display().to_string(),
            problem: error.to_string(),
        }
    }
}

fn hash(mut file: File) -> std::io::Result<Shard> {
    let (mut sha256, mut size) = (Sha256::new(), 0);
    let mut buffer = vec![0; 1 << 20];
    file.seek(SeekFrom::Start(0))?;
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            count => {
                sha256.update(&buffer[..count]);
                size += count as u64;
            }
        }
    }
    Ok(Shard {
        size,
        sha256: hex(&sha256.finalize()),
    })
}
