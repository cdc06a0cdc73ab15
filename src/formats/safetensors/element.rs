//! Element types, and the way from their bytes to floats and back.

use crate::formats::blocks::any_half;
use safetensors::Dtype;

/// Element types that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ElementType {
    /// 32-bit float.
    F32,
    /// 16-bit IEEE float.
    F16,
    /// The upper half of a 32-bit float.
    Bf16,
    /// 32-bit words: the integers of a quantized matrix ([`crate::formats::blocks`]).
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

    /// Little-endian floats → `f32`; words stand for no floats and give none.
    pub(crate) fn decode(self, bytes: &[u8]) -> Vec<f32> {
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
    pub(crate) fn encode(self, values: &[f32]) -> Vec<u8> {
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

impl TryFrom<Dtype> for ElementType {
    type Error = Dtype;

    fn try_from(dtype: Dtype) -> Result<Self, Dtype> {
        match dtype {
            Dtype::F32 => Ok(ElementType::F32),
            Dtype::F16 => Ok(ElementType::F16),
            Dtype::BF16 => Ok(ElementType::Bf16),
            Dtype::U32 => Ok(ElementType::U32),
            other => Err(other),
        }
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl From<ElementType> for Dtype {
    fn from(element: ElementType) -> Self {
        match element {
            ElementType::F32 => Dtype::F32,
            ElementType::F16 => Dtype::F16,
            ElementType::Bf16 => Dtype::BF16,
            ElementType::U32 => Dtype::U32,
        }
    }
}
