//! The head of a safetensors file: which tensors lie where.

use super::ElementType;
use crate::error::{Error, Result};
use crate::formats::ModelFolder;
use safetensors::tensor::Metadata;
use sha2::{Digest, Sha256};
use std::ops::Range;

/// Length of the field that holds the header's length.
const LENGTH_FIELD: u64 = 8;
/// The format's own limit; a larger number is a broken file, not a large header.
const MAX_HEADER: u64 = 100_000_000;

/// One tensor of a file.
#[derive(Debug, Clone)]
pub(crate) struct TensorInfo {
    pub(crate) name: String,
    /// `None`: a type that cannot be read, by the name beside it.
    pub(crate) dtype: std::result::Result<ElementType, String>,
    pub(crate) shape: Vec<usize>,
    /// Bytes from the start of the file.
    pub(crate) range: Range<u64>,
}

/// A file's head.
#[derive(Debug)]
pub(crate) struct Header {
    /// In the order of the file.
    pub(crate) tensors: Vec<TensorInfo>,
    /// Bytes before the first tensor.
    pub(crate) length: u64,
    /// Bytes of the whole file.
    pub(crate) size: u64,
    /// Of the bytes before the first tensor, for whoever goes on hashing the file.
    pub(crate) hash: Sha256,
}

/// Reads the header of `file` and checks it against the file's size.
///
/// # Errors
/// [`Error::Corrupt`] when the header is not valid or the file is not as long as it says.
pub(crate) async fn read_header(folder: &impl ModelFolder, file: &str) -> Result<Header> {
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
            dtype: ElementType::try_from(info.dtype).map_err(|other| format!("{other:?}")),
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
