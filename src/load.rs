//! A model folder → a model, of whichever kind it is.

use crate::config::{ModelConfig, PartDtypes, PreprocessorConfig, Size, require};
use crate::device::DeviceKind;
use crate::error::{Error, Result};
use crate::model::SiglipModel;
use crate::pali3::{Pali3, empty_model};
use crate::siglip::Siglip;
use crate::tokenizer::Tokenizer;
use crate::weights::{Checkpoint, Kind, ModelFolder, Progress, Slot, slots};
use burn::tensor::Device;

/// What a caller may choose about loading.
#[derive(Debug, Clone, Default)]
pub struct LoadOptions {
    /// The form of the matrices on the device, as [`PartDtypes::with`] reads it: `q4`, `vision=q8,text=q4`, …; `None` or
    /// `auto`: the folder's own form, halves as 32-bit floats.
    pub dtype: Option<String>,
    /// Bytes that the device takes for one tensor, where it has such a limit.
    pub largest_buffer: Option<u64>,
}

impl LoadOptions {
    /// The form of each part on the device.
    pub(crate) fn dtypes(&self, stored: PartDtypes) -> Result<PartDtypes> {
        match self.dtype.as_deref() {
            None | Some("auto") => Ok(stored),
            Some(dtype) if dtype.contains("f16") => {
                let problem = "halves are computed on as f32: ask for f32, or for q8 or q4";
                Err(Error::option("dtype", problem))
            }
            Some(dtype) => stored.with("dtype", dtype),
        }
    }
}

/// A model of any kind.
#[derive(Clone)]
pub enum LoadedModel {
    /// Picture and question in, text out.
    Pali3(Pali3),
    /// Embeddings of pictures and of texts.
    Siglip(Siglip),
}

impl LoadedModel {
    /// Loads a model folder, of the kind that its `config.json` names.
    ///
    /// # Errors
    /// As [`Pali3::load`].
    pub async fn load(
        folder: &impl ModelFolder,
        device: &Device,
        kind: DeviceKind,
        options: &LoadOptions,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Self> {
        let name = "config.json";
        let config = folder.require(name).await?;
        Ok(
            match ModelConfig::from_json(&folder.describe(name), &config)? {
                ModelConfig::Pali3(config) => {
                    let model = Pali3::load_as(config, folder, device, kind, options, progress);
                    Self::Pali3(model.await?)
                }
                ModelConfig::Siglip(config) => {
                    let model = Siglip::load_as(config, folder, device, kind, options, progress);
                    Self::Siglip(model.await?)
                }
            },
        )
    }

    /// The form of each part's matrices on the device.
    pub fn dtypes(&self) -> &PartDtypes {
        match self {
            Self::Pali3(model) => model.dtypes(),
            Self::Siglip(model) => model.dtypes(),
        }
    }

    /// Parameters of the whole model.
    pub fn num_params(&self) -> u64 {
        match self {
            Self::Pali3(model) => model.num_params(),
            Self::Siglip(model) => model.num_params(),
        }
    }
}

/// Whose names the tensors of a folder have.
pub fn kind_of(config: &ModelConfig) -> Kind {
    match config {
        ModelConfig::Pali3(_) => Kind::Pali3,
        ModelConfig::Siglip(_) => Kind::Siglip,
    }
}

/// The headers of the folder's weights.
///
/// # Errors
/// As [`Checkpoint::open`].
pub async fn open_checkpoint(
    folder: &impl ModelFolder,
    kind: Kind,
    quantized: bool,
) -> Result<Checkpoint> {
    match quantized {
        true => Checkpoint::open_sharded(folder, kind).await,
        false => Checkpoint::open(folder, kind).await,
    }
}

/// The places for tensors of the model that fits a checkpoint.
pub fn empty_slots(
    checkpoint: &Checkpoint,
    config: &ModelConfig,
    dtypes: &PartDtypes,
    device: &Device,
) -> Vec<Slot> {
    match config {
        ModelConfig::Pali3(config) => slots(
            Kind::Pali3,
            &empty_model(checkpoint, config, dtypes, device),
        ),
        ModelConfig::Siglip(config) => {
            slots(Kind::Siglip, &SiglipModel::new(config, dtypes, device))
        }
    }
}

/// Elements of all slots. In 64 bits: a `usize` of wasm does not hold five billion.
pub(crate) fn count(slots: &[Slot]) -> u64 {
    slots.iter().map(|slot| slot.len() as u64).sum()
}

/// The folder's `preprocessor_config.json`, or SigLIP's defaults at the size that the tower's positions are for.
pub(crate) async fn read_preprocessor(
    folder: &impl ModelFolder,
    image_size: usize,
) -> Result<PreprocessorConfig> {
    let name = "preprocessor_config.json";
    Ok(match folder.read(name).await? {
        Some(bytes) => PreprocessorConfig::from_json(&folder.describe(name), &bytes)?,
        None => PreprocessorConfig {
            size: Size::Exact {
                height: image_size,
                width: image_size,
            },
            ..Default::default()
        },
    })
}

/// The folder's `tokenizer.json`, whose ids all have to be in the model's table.
pub(crate) async fn read_tokenizer(
    folder: &impl ModelFolder,
    vocab_size: usize,
) -> Result<Tokenizer> {
    let name = "tokenizer.json";
    let (file, bytes) = (folder.describe(name), folder.require(name).await?);
    let tokenizer = Tokenizer::from_bytes(&file, &bytes)?;
    let (expected, found) = (
        format!("at most vocab_size ({vocab_size})"),
        tokenizer.vocab_size(),
    );
    require(found <= vocab_size, &file, "vocabulary", expected, found)?;
    Ok(tokenizer)
}
