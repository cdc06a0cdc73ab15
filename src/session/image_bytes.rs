//! An encoded picture as bytes that a caller keeps: the vision tower's output before the projection.
//!
//! All numbers are little-endian.
//!
//! | bytes | what |
//! |---|---|
//! | 8 | `pali3img` |
//! | 4 | version of the format, 1, as `u32` |
//! | 4, 4 | rows and columns of patches, as `u32` |
//! | 4 | width of a token, as `u32` |
//! | 8 | fingerprint of the vision tower: the first bytes of the SHA-256 of its last norm's weights and then biases |
//! | 4 · rows · columns · width | the tokens row by row, as `f32` |

use crate::error::{Error, Result};

const MAGIC: &[u8; 8] = b"pali3img";
const VERSION: u32 = 1;
const HEADER: usize = 32;

/// What the bytes hold.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ImageBytes {
    /// Rows and columns of patches.
    pub(super) grid: [usize; 2],
    /// Width of a token.
    pub(super) hidden: usize,
    /// The tower's fingerprint.
    pub(super) tower: [u8; 8],
    /// `[rows * columns, hidden]`
    pub(super) values: Vec<f32>,
}

impl ImageBytes {
    pub(super) fn write(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER + 4 * self.values.len());
        bytes.extend(MAGIC);
        for number in [
            VERSION,
            self.grid[0] as u32,
            self.grid[1] as u32,
            self.hidden as u32,
        ] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(self.tower);
        bytes.extend(self.values.iter().flat_map(|value| value.to_le_bytes()));
        bytes
    }

    /// # Errors
    /// [`Error::InvalidInput`] that says what is wrong with the bytes.
    pub(super) fn read(bytes: &[u8]) -> Result<Self> {
        let refuse = |problem: String| Err(Error::input("image bytes", problem));
        if !bytes.starts_with(MAGIC) {
            return refuse("not an encoded picture: they do not begin with \"pali3img\"".into());
        }
        let (Some(header), Some(rest)) = (bytes.first_chunk::<HEADER>(), bytes.get(HEADER..))
        else {
            return refuse(format!(
                "expected at least {HEADER} bytes, found {}",
                bytes.len()
            ));
        };
        let number = |at: usize| {
            u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
        };
        let [version, rows, columns, hidden] = [8, 12, 16, 20].map(number);
        if version != VERSION {
            return refuse(format!("expected version {VERSION}, found {version}"));
        }
        // In 128 bits: three numbers of 32 bits overflow 64.
        let expected = 4 * u128::from(rows) * u128::from(columns) * u128::from(hidden);
        if expected == 0 || rest.len() as u128 != expected {
            return refuse(format!(
                "expected {expected} bytes for {rows} × {columns} tokens of width {hidden}, found {}",
                rest.len()
            ));
        }
        let values: Vec<f32> = rest
            .as_chunks()
            .0
            .iter()
            .map(|&b| f32::from_le_bytes(b))
            .collect();
        if !values.iter().all(|value| value.is_finite()) {
            return refuse("values that are not finite".into());
        }
        let mut tower = [0; 8];
        tower.copy_from_slice(&header[24..]);
        Ok(Self {
            grid: [rows as usize, columns as usize],
            hidden: hidden as usize,
            tower,
            values,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image() -> ImageBytes {
        ImageBytes {
            grid: [2, 3],
            hidden: 2,
            tower: *b"01234567",
            values: (0..12).map(|i| i as f32 / 7.0).collect(),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(ImageBytes::read(&image().write()), Ok(image()));
    }

    #[test]
    fn damage_is_named() {
        let whole = image().write();
        let with = |at: usize, bytes: &[u8]| {
            let mut damaged = whole.clone();
            damaged[at..at + bytes.len()].copy_from_slice(bytes);
            damaged
        };
        for (bytes, word) in [
            (vec![], "pali3img"),
            (with(0, b"\x89PNG"), "pali3img"),
            (whole[..20].to_vec(), "at least 32 bytes, found 20"),
            (with(8, &[2]), "expected version 1, found 2"),
            (
                whole[..whole.len() - 1].to_vec(),
                "expected 48 bytes for 2 × 3 tokens of width 2, found 47",
            ),
            ([&whole[..], &[0]].concat(), "found 49"),
            (with(12, &[0xff; 12]), "tokens of width 4294967295"),
            (with(12, &[0; 4]), "0 × 3"),
            (with(40, &f32::NAN.to_le_bytes()), "not finite"),
        ] {
            let error = ImageBytes::read(&bytes).unwrap_err();
            assert_eq!(error.code(), "InvalidInput");
            assert!(error.to_string().contains(word), "{error}: no {word:?}");
        }
    }
}
