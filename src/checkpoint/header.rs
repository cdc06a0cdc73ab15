//! The head of a safetensors file: which tensors lie where.

use super::folder::ModelFolder;
use crate::error::{Error, Result};
use crate::quant::any_half;
use safetensors::Dtype;
use safetensors::tensor::Metadata;
use sha2::{Digest, Sha256};
use std::ops::Range;

/// Length of the field that holds the header's length.
const LENGTH_FIELD: u64 = 8;
/// The format's own limit; a larger number is a broken file, not a large header.
const MAX_HEADER: u64 = 100_000_000;

/// Element types that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ElementType {
    /// 32-bit float.
    F32,
    /// 16-bit IEEE float.
    F16,
    /// The upper half of a 32-bit float.
    Bf16,
    /// 32-bit words: the integers of a quantized matrix ([`crate::quant`]).
    U32,
}

impl ElementType {
    /// Bytes of one element.
    pub fn size(self) -> usize {
        match self {
            ElementType::F32 | ElementType::U32 => 4,
            ElementType::F16 | ElementType::Bf16 => 2,
        }
    }

    /// The name in safetensors headers.
    pub fn name(self) -> &'static str {
        match self {
            ElementType::F32 => "F32",
            ElementType::F16 => "F16",
            ElementType::Bf16 => "BF16",
            ElementType::U32 => "U32",
        }
    }

    /// The type in safetensors' words.
    #[cfg(not(target_arch = "wasm32"))]
    pub(super) fn stored(self) -> Dtype {
        match self {
            ElementType::F32 => Dtype::F32,
            ElementType::F16 => Dtype::F16,
            ElementType::Bf16 => Dtype::BF16,
            ElementType::U32 => Dtype::U32,
        }
    }

    /// Little-endian floats → `f32`; words stand for no floats and give none.
    pub(super) fn decode(self, bytes: &[u8]) -> Vec<f32> {
        let pairs = || bytes.as_chunks::<2>().0.iter();
        match self {
            ElementType::F32 => {
                let quads = bytes.as_chunks::<4>().0.iter();
                quads.map(|b| f32::from_le_bytes(*b)).collect()
            }
            ElementType::F16 => pairs().map(|b| any_half(u16::from_le_bytes(*b))).collect(),
            ElementType::Bf16 => pairs()
                .map(|b| half::bf16::from_le_bytes(*b).to_f32())
                .collect(),
            ElementType::U32 => vec![],
        }
    }

    /// `f32` → little-endian floats, rounded to nearest; words are not made of floats.
    #[cfg(not(target_arch = "wasm32"))]
    pub(super) fn encode(self, values: &[f32]) -> Vec<u8> {
        match self {
            ElementType::F32 => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
            ElementType::F16 => values
                .iter()
                .flat_map(|&v| half::f16::from_f32(v).to_le_bytes())
                .collect(),
            ElementType::Bf16 => values
                .iter()
                .flat_map(|&v| half::bf16::from_f32(v).to_le_bytes())
                .collect(),
            ElementType::U32 => vec![],
        }
    }
}

/// One tensor of a file.
#[derive(Debug, Clone)]
pub(super) struct TensorInfo {
    pub(super) name: String,
    /// `None`: a type that cannot be read, by the name beside it.
    pub(super) dtype: std::result::Result<ElementType, String>,
    pub(super) shape: Vec<usize>,
    /// Bytes from the start of the file.
    pub(super) range: Range<u64>,
}

/// A file's head.
#[derive(Debug)]
pub(super) struct Header {
    /// In the order of the file.
    pub(super) tensors: Vec<TensorInfo>,
    /// Bytes before the first tensor.
    pub(super) length: u64,
    /// Bytes of the whole file.
    pub(super) size: u64,
    /// Of the bytes before the first tensor, for whoever goes on hashing the file.
    pub(super) hash: Sha256,
}

/// Reads the header of `file` and checks it against the file's size.
///
/// # Errors
/// [`Error::Corrupt`] when the header is not valid or the file is not as long as it says.
pub(super) async fn read_header(folder: &impl ModelFolder, file: &str) -> Result<Header> {
    let corrupt = |problem: String| Error::corrupt(folder.describe(file), problem);
    let size = folder.size(file).await?.ok_or_else(|| Error::NotFound {
        file: folder.describe(file),
    })?;
    if size < LENGTH_FIELD {
        return Err(corrupt(format!(
            "not a safetensors file: expected at least {LENGTH_FIELD} bytes, found {size}"
        )));
    }
    let field = folder.read_range(file, 0..LENGTH_FIELD).await?;
    let field: [u8; LENGTH_FIELD as usize] = field
        .try_into()
        .map_err(|found: Vec<u8>| corrupt(format!("expected 8 bytes, found {}", found.len())))?;
    let length = u64::from_le_bytes(field);
    if length > MAX_HEADER {
        return Err(corrupt(format!(
            "not a safetensors file: a header of {length} bytes"
        )));
    }
    if LENGTH_FIELD + length > size {
        return Err(corrupt(format!(
            "truncated: expected a header of {length} bytes, found {}",
            size - LENGTH_FIELD
        )));
    }
    let start = LENGTH_FIELD + length;
    let bytes = folder.read_range(file, LENGTH_FIELD..start).await?;
    let hash = Sha256::new().chain_update(field).chain_update(&bytes);
    // Deserialising checks that the tensors lie side by side, each as long as its shape says.
    let metadata: Metadata =
        serde_json::from_slice(&bytes).map_err(|error| corrupt(format!("header: {error}")))?;
    let mut tensors: Vec<TensorInfo> = metadata
        .tensors()
        .into_iter()
        .map(|(name, info)| TensorInfo {
            name,
            dtype: match info.dtype {
                Dtype::F32 => Ok(ElementType::F32),
                Dtype::F16 => Ok(ElementType::F16),
                Dtype::BF16 => Ok(ElementType::Bf16),
                Dtype::U32 => Ok(ElementType::U32),
                other => Err(format!("{other:?}")),
            },
            shape: info.shape.clone(),
            range: start + info.data_offsets.0 as u64..start + info.data_offsets.1 as u64,
        })
        .collect();
    tensors.sort_by_key(|tensor| tensor.range.start);
    let end = tensors.iter().map(|tensor| tensor.range.end).max();
    let expected = end.unwrap_or(start);
    if expected != size {
        let what = if size < expected {
            "truncated"
        } else {
            "bytes after the last tensor"
        };
        return Err(corrupt(format!(
            "{what}: expected {expected} bytes, found {size}"
        )));
    }
    Ok(Header {
        tensors,
        length: start,
        size,
        hash,
    })
}
