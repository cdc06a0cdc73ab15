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

#[cfg(test)]
mod tests {
    use super::super::{Effort, dequantize, quantize};
    use super::*;

    macro_rules! fixture {
        ($name:literal) => {
            include_bytes!(concat!("../../../tests/fixtures/quantization/", $name)).as_slice()
        };
    }
    const WIDTH: usize = 160;

    fn floats(bytes: &[u8]) -> Vec<f32> {
        let fours = bytes.as_chunks::<4>().0.iter();
        fours.map(|b| f32::from_le_bytes(*b)).collect()
    }

    /// `tests/reference/quantization.py`
    #[test]
    fn blocks_and_values_equal_the_reference() {
        let values = floats(fixture!("values.f32"));
        for (format, blocks, back) in [
            (QuantFormat::Q8, fixture!("q8_0.bin"), fixture!("q8_0.f32")),
            (QuantFormat::Q4, fixture!("q4_0.bin"), fixture!("q4_0.f32")),
        ] {
            let packed = quantize(format, &values, WIDTH, Effort::Fast);
            assert_eq!(to_gguf(format, &packed), blocks, "{format:?}");
            assert_eq!(from_gguf("x", format, blocks).unwrap(), packed);
            let found = dequantize(format, &packed.words, &packed.scales, WIDTH);
            assert_eq!(found, floats(back), "{format:?}");
        }
    }

    #[test]
    fn half_a_block_is_refused() {
        let error = from_gguf("blk.0.weight", QuantFormat::Q4, &[0; 40]).unwrap_err();
        let message = error.to_string();
        assert!(
            message.contains("blk.0.weight: expected q4 blocks of 18 bytes, found 40"),
            "{message}"
        );
    }
}
