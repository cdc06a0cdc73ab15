//! GGUF's `Q8_0` and `Q4_0` rows, in which each block's scale stands in front of its integers.
//!
//! Layout: ggml's `block_q8_0` (34 bytes) and `block_q4_0` (18 bytes). Nothing is rounded in either direction.

use super::{Packed, QuantFormat};
use crate::error::{Error, Result};
use half::f16;

/// Bytes of a block in a GGUF file.
pub fn block_bytes(format: QuantFormat) -> usize {
    2 + 4 * format.words_per_block()
}

/// Blocks as they stand in a GGUF file → integers and scales apart.
///
/// # Errors
/// [`Error::Corrupt`] when `bytes` is not a whole number of blocks; `what` names the tensor.
pub fn from_gguf(what: &str, format: QuantFormat, bytes: &[u8]) -> Result<Packed> {
    let size = block_bytes(format);
    if !bytes.len().is_multiple_of(size) {
        let problem = format!(
            "expected {} blocks of {size} bytes, found {} bytes",
            format.name(),
            bytes.len()
        );
        return Err(Error::corrupt(what, problem));
    }
    let mut packed = Packed::default();
    for block in bytes.chunks_exact(size) {
        packed.scales.push(f16::from_le_bytes([block[0], block[1]]));
        let words = block[2..].as_chunks::<4>().0.iter();
        packed.words.extend(words.map(|b| u32::from_le_bytes(*b)));
    }
    Ok(packed)
}

/// Integers and scales → blocks as they stand in a GGUF file.
pub fn to_gguf(format: QuantFormat, packed: &Packed) -> Vec<u8> {
    let blocks = packed.words.chunks_exact(format.words_per_block());
    let mut bytes = Vec::with_capacity(packed.scales.len() * block_bytes(format));
    for (words, scale) in blocks.zip(&packed.scales) {
        bytes.extend(scale.to_le_bytes());
        bytes.extend(words.iter().flat_map(|word| word.to_le_bytes()));
    }
    bytes
}
