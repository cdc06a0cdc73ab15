//! Writing a checkpoint in shards: the headers first, then tensors in any order and in pieces, then the hashes.

use super::header::ElementType;
use super::index::{INDEX, Index, Shard};
use super::load::hex;
use super::slots::{Slot, scales_of};
use crate::error::{Error, Result};
use crate::quant::blocks;
use safetensors::tensor::{Metadata, TensorInfo};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Bytes of a shard unless it is said otherwise.
pub const SHARD_SIZE: u64 = 256_000_000;

/// A tensor that will be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// Name in the file.
    pub name: String,
    /// Element type in the file.
    pub dtype: ElementType,
    /// Shape in the file.
    pub shape: Vec<usize>,
}

impl Planned {
    /// Bytes in the file.
    pub fn bytes(&self) -> u64 {
        (self.shape.iter().product::<usize>() * self.dtype.size()) as u64
    }
}

/// What a slot becomes in a file: one tensor of `floats`, or the words and scales of a matrix in blocks.
pub(super) fn planned(slot: &Slot, floats: ElementType) -> Vec<Planned> {
    let Slot {
        name,
        shape,
        format,
    } = slot;
    match (format, &shape[..]) {
        (Some(format), &[out_features, in_features]) => vec![
            Planned {
                name: name.clone(),
                dtype: ElementType::U32,
                shape: vec![out_features, format.words_per_row(in_features)],
            },
            Planned {
                name: scales_of(name),
                dtype: ElementType::F16,
                shape: vec![out_features, blocks(in_features)],
            },
        ],
        _ => vec![Planned {
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
    shards: Vec<OpenShard>,
    /// Shard and first byte of each tensor, and the bytes that it has.
    places: HashMap<String, (usize, u64, u64)>,
    indexed: bool,
    total: u64,
}

#[derive(Debug)]
struct OpenShard {
    name: String,
    file: File,
}

impl ShardWriter {
    /// Starts shards of at most `shard_size` bytes of tensors, or of one tensor that is larger, in an existing folder, and
    /// writes their headers. Without `indexed`, tensors that fit one shard become `model.safetensors` with no index.
    ///
    /// # Errors
    /// [`Error::Io`] when a file cannot be written.
    pub fn new(folder: &Path, tensors: &[Planned], shard_size: u64, indexed: bool) -> Result<Self> {
        let mut groups: Vec<Vec<&Planned>> = vec![];
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
            places: HashMap::new(),
            indexed,
            total: tensors.iter().map(Planned::bytes).sum(),
        };
        let count = groups.len();
        for (i, mut group) in groups.into_iter().enumerate() {
            // Whatever leaves its end off a multiple of four goes last, so that all others start on one.
            group.sort_by_key(|tensor| !tensor.bytes().is_multiple_of(4));
            let name = match indexed {
                true => format!("model-{:05}-of-{count:05}.safetensors", i + 1),
                false => "model.safetensors".to_string(),
            };
            writer.start(name, &group)?;
        }
        Ok(writer)
    }

    fn start(&mut self, name: String, group: &[&Planned]) -> Result<()> {
        let io = |error: std::io::Error| self.io(&name, error);
        let mut at = 0;
        let infos: Vec<(String, TensorInfo)> = group
            .iter()
            .map(|tensor| {
                let start = at;
                at += tensor.bytes() as usize;
                let info = TensorInfo {
                    dtype: tensor.dtype.stored(),
                    shape: tensor.shape.clone(),
                    data_offsets: (start, at),
                };
                (tensor.name.clone(), info)
            })
            .collect();
        // transformers refuses files without this.
        let format = [("format".to_string(), "pt".to_string())];
        let metadata = Metadata::new(Some(format.into()), infos.clone())
            .map_err(|error| Error::corrupt(name.clone(), error))?;
        let mut header =
            serde_json::to_vec(&metadata).map_err(|error| Error::corrupt(name.clone(), error))?;
        header.resize(header.len().next_multiple_of(8), b' ');
        let path = self.folder.join(&name);
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(path)
            .map_err(io)?;
        file.write_all(&(header.len() as u64).to_le_bytes())
            .map_err(io)?;
        file.write_all(&header).map_err(io)?;
        let data = 8 + header.len() as u64;
        file.set_len(data + at as u64).map_err(io)?;
        for (tensor, info) in infos {
            let (start, end) = info.data_offsets;
            let place = (self.shards.len(), data + start as u64, (end - start) as u64);
            self.places.insert(tensor, place);
        }
        self.shards.push(OpenShard { name, file });
        Ok(())
    }

    /// Writes some of a tensor's bytes, from its byte `first` on.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be written; [`Error::InvalidInput`] for bytes that are not the tensor's.
    pub fn write(&mut self, tensor: &str, first: u64, bytes: &[u8]) -> Result<()> {
        let place = self.places.get(tensor).copied();
        let Some((shard, start, size)) =
            place.filter(|(_, _, size)| first + bytes.len() as u64 <= *size)
        else {
            let problem = format!("{} bytes from {first} were not planned", bytes.len());
            return Err(Error::input(tensor, problem));
        };
        debug_assert!(size > 0 || bytes.is_empty());
        let OpenShard { name, file } = &mut self.shards[shard];
        let written = file
            .seek(SeekFrom::Start(start + first))
            .and_then(|_| file.write_all(bytes));
        let name = name.clone();
        written.map_err(|error| self.io(&name, error))
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
        for i in 0..self.shards.len() {
            let hashed = hash(&mut self.shards[i].file);
            let name = self.shards[i].name.clone();
            let shard = hashed.map_err(|error| self.io(&name, error))?;
            index.shards.insert(name, shard);
        }
        for (tensor, (shard, ..)) in &self.places {
            let file = self.shards[*shard].name.clone();
            index.weight_map.insert(tensor.clone(), file);
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

fn hash(file: &mut File) -> std::io::Result<Shard> {
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
