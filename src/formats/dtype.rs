//! In what form each part's matrices are stored or wanted: `quantization_config` of `config.json`, and the `dtype` option.

use super::blocks::{BLOCK, QuantFormat};
use super::json::Checker;
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// `quant_method` of folders that this crate writes.
const METHOD: &str = "pali3";

/// The forms of a matrix, at rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dtype {
    /// 32-bit floats.
    F32,
    /// IEEE halves; 32-bit floats once they are on the device.
    F16,
    /// Blocks of 8-bit integers.
    Q8,
    /// Blocks of 4-bit integers.
    Q4,
}

/// How matrices are stored on the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Storage {
    /// 32-bit floats.
    #[default]
    F32,
    /// Blocks of few-bit integers, computed on as they are.
    Quantized(QuantFormat),
}

/// A part of a model whose matrices have one form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// What sees.
    Vision,
    /// What brings visual tokens into the text side's space.
    Projector,
    /// What reads and writes: an encoder-decoder or a text tower.
    Text,
}

/// The form of each part's matrices. Files have the names that PaLI-3's checkpoints give the parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartDtypes {
    /// Of [`Part::Vision`].
    #[serde(rename = "vision_tower")]
    pub vision: Dtype,
    /// Of [`Part::Projector`].
    #[serde(rename = "multi_modal_projector")]
    pub projector: Dtype,
    /// Of [`Part::Text`].
    #[serde(rename = "language_model")]
    pub text: Dtype,
}

/// `quantization_config`: how the folder's matrices are stored. Norms, biases, positions, the patch embedding and the pooling
/// head's packed projection are floats always.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuantizationConfig {
    /// `"pali3"`: the layout of [`super::blocks`].
    pub quant_method: String,
    /// Weights that share a scale.
    pub block_size: usize,
    /// The form of each part.
    pub dtypes: PartDtypes,
}

impl Dtype {
    const ALL: [Dtype; 4] = [Dtype::F32, Dtype::F16, Dtype::Q8, Dtype::Q4];

    /// The name in configurations and options.
    pub fn name(self) -> &'static str {
        match self {
            Dtype::F32 => "f32",
            Dtype::F16 => "f16",
            Dtype::Q8 => "q8",
            Dtype::Q4 => "q4",
        }
    }

    /// The blocks of a quantized form.
    pub fn format(self) -> Option<QuantFormat> {
        match self {
            Dtype::F32 | Dtype::F16 => None,
            Dtype::Q8 => Some(QuantFormat::Q8),
            Dtype::Q4 => Some(QuantFormat::Q4),
        }
    }

    /// The form on the device.
    pub fn storage(self) -> Storage {
        self.format().map_or(Storage::F32, Storage::Quantized)
    }
}

impl PartDtypes {
    /// The same for all parts.
    pub fn all(dtype: Dtype) -> Self {
        Self {
            vision: dtype,
            projector: dtype,
            text: dtype,
        }
    }

    /// Those of a folder: its matrices are floats where it does not say otherwise.
    pub fn stored(config: Option<&QuantizationConfig>) -> Self {
        config.map_or(Self::all(Dtype::F32), |config| config.dtypes)
    }

    /// Reads an option: `q4` for all parts, or `vision=q8,text=q4`, where a part left out stays as in `self`. The
    /// projection goes with the vision tower.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for another form or part.
    pub fn with(mut self, option: &str, text: &str) -> Result<Self> {
        let parse = |name: &str| {
            let found = Dtype::ALL.into_iter().find(|dtype| dtype.name() == name);
            found.ok_or_else(|| {
                let problem = format!("expected f32, f16, q8 or q4, found {name:?}");
                Error::option(option, problem)
            })
        };
        if !text.contains('=') {
            return Ok(Self::all(parse(text)?));
        }
        for choice in text.split(',') {
            match choice.split_once('=') {
                Some(("vision", name)) => {
                    self.vision = parse(name)?;
                    self.projector = self.vision;
                }
                Some(("text", name)) => self.text = parse(name)?,
                _ => {
                    let problem = format!("expected vision=… or text=…, found {choice:?}");
                    return Err(Error::option(option, problem));
                }
            }
        }
        Ok(self)
    }

    /// The form of a part.
    pub fn of(&self, part: Part) -> Dtype {
        match part {
            Part::Vision => self.vision,
            Part::Projector => self.projector,
            Part::Text => self.text,
        }
    }

    /// Whether there is a quantized part.
    pub fn any_quantized(&self) -> bool {
        self.storage().iter().any(|&part| part != Storage::F32)
    }

    /// The parts' forms on the device: what sees, the projection, the text side.
    pub fn storage(&self) -> [Storage; 3] {
        [
            self.vision.storage(),
            self.projector.storage(),
            self.text.storage(),
        ]
    }
}

impl QuantizationConfig {
    /// The description of a folder that this crate writes.
    pub fn new(dtypes: PartDtypes) -> Self {
        Self {
            quant_method: METHOD.into(),
            block_size: BLOCK,
            dtypes,
        }
    }

    pub(crate) fn validate(&self, file: &str) -> Result<()> {
        let check = Checker::new(file, "quantization_config.");
        let Self {
            quant_method,
            block_size,
            ..
        } = self;
        let expected = format!("{METHOD:?}");
        check.require(
            quant_method == METHOD,
            "quant_method",
            expected,
            quant_method,
        )?;
        check.require(*block_size == BLOCK, "block_size", BLOCK, block_size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_set_all_parts_or_some() {
        let plain = PartDtypes::all(Dtype::F32);
        assert_eq!(
            plain.with("dtype", "q8").unwrap(),
            PartDtypes::all(Dtype::Q8)
        );
        let mixed = plain.with("dtype", "vision=q8,text=q4").unwrap();
        assert_eq!(mixed.of(Part::Vision), Dtype::Q8);
        assert_eq!(mixed.of(Part::Projector), Dtype::Q8);
        assert_eq!(mixed.of(Part::Text), Dtype::Q4);
        let text = plain.with("dtype", "text=q4").unwrap();
        assert_eq!(text.vision, Dtype::F32);
        for wrong in ["q5", "vision=int8", "audio=q4", "vision=q8,"] {
            let error = plain.with("dtype", wrong).unwrap_err();
            assert_eq!(error.code(), "InvalidOption", "{wrong}: {error}");
        }
    }
}
