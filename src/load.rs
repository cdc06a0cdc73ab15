//! A model folder → a model, of whichever kind it is.

use crate::checkpoint::{Checkpoint, Kind, ModelFolder, Progress, Slot, slots};
use crate::compute::device::DeviceKind;
use crate::config::{ModelConfig, PartDtypes, PreprocessorConfig, Size, require};
use crate::error::{Error, Result};
use crate::models::{Pali3Model, SiglipModel, T5Model};
use crate::nn::Place;
use crate::pali3::Pali3;
use crate::siglip::Siglip;
use crate::tokenizer::Tokenizer;
use burn::module::Module;
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

/// One load: from where, to where, in which form.
pub struct Load<'a, F> {
    /// The model folder.
    pub folder: &'a F,
    /// Where the weights go.
    pub device: &'a Device,
    /// What that is.
    pub kind: DeviceKind,
    /// What the caller has chosen.
    pub options: &'a LoadOptions,
    /// Told of each piece of weights that is on the device.
    pub progress: &'a mut dyn FnMut(Progress),
}

impl<F: ModelFolder> Load<'_, F> {
    /// The folder's configuration.
    pub(crate) async fn config(&self) -> Result<ModelConfig> {
        read_config(self.folder).await
    }

    /// The form of each part of a model on the device.
    pub(crate) fn dtypes(&self, config: &ModelConfig) -> Result<PartDtypes> {
        match self.options.dtype.as_deref() {
            None | Some("auto") => Ok(config.dtypes()),
            Some(dtype) if dtype.contains("f16") => {
                let problem = "halves are computed on as f32: ask for f32, or for q8 or q4";
                Err(Error::option("dtype", problem))
            }
            Some(dtype) => config.dtypes_with("dtype", dtype),
        }
    }

    /// Fills the model that `empty` makes for the folder's checkpoint. Gives the number of its parameters, too.
    pub(crate) async fn weights<M: Module>(
        self,
        kind: Kind,
        quantized: bool,
        empty: impl FnOnce(&Checkpoint) -> M,
    ) -> Result<(M, u64)> {
        let Self { folder, device, .. } = self;
        let checkpoint = open_checkpoint(folder, kind, quantized).await?;
        let model = empty(&checkpoint);
        let num_params = count(&slots(kind, &model));
        let limit = self.options.largest_buffer;
        let model = checkpoint.load(folder, model, device, limit, self.progress);
        Ok((model.await?, num_params))
    }
}

/// A model of any kind.
#[derive(Clone)]
pub enum LoadedModel {
    /// A question, with pictures where the model takes them, in; text out.
    Pali3(Pali3),
    /// Embeddings of pictures and of texts.
    Siglip(Siglip),
}

impl LoadedModel {
    /// Loads a model folder, of the kind that its `config.json` names.
    ///
    /// # Errors
    /// As [`Pali3::load`].
    pub async fn load(load: Load<'_, impl ModelFolder>) -> Result<Self> {
        let config = load.config().await?;
        Ok(match config {
            ModelConfig::Siglip(_) => Self::Siglip(Siglip::load_as(config, load).await?),
            _ => Self::Pali3(Pali3::load_as(config, load).await?),
        })
    }

    /// The model that answers questions.
    ///
    /// # Errors
    /// [`Error::UnsupportedModel`] for another kind.
    pub fn pali3(&self) -> Result<&Pali3> {
        match self {
            Self::Pali3(model) => Ok(model),
            Self::Siglip(_) => Err(answers_no_questions("config.json", self.model_type())),
        }
    }

    /// The model that embeds.
    ///
    /// # Errors
    /// [`Error::UnsupportedModel`] for another kind.
    pub fn siglip(&self) -> Result<&Siglip> {
        match self {
            Self::Siglip(model) => Ok(model),
            Self::Pali3(_) => Err(embeds_nothing("config.json", self.model_type())),
        }
    }

    /// `model_type` of the folder.
    pub fn model_type(&self) -> &str {
        match self {
            Self::Pali3(model) => model.model_type(),
            Self::Siglip(model) => &model.config().model_type,
        }
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

/// The error of a question to a model that only embeds.
pub(crate) fn answers_no_questions(file: &str, model_type: &str) -> Error {
    other_kind(file, "\"pali3\", \"t5\" or \"mt5\"", model_type)
}

/// The error of a call for embeddings where a model answers questions.
pub(crate) fn embeds_nothing(file: &str, model_type: &str) -> Error {
    other_kind(file, "\"siglip\"", model_type)
}

fn other_kind(file: &str, expected: &str, found: &str) -> Error {
    Error::UnsupportedModel {
        file: file.into(),
        key: "model_type".into(),
        expected: format!("{expected} for this call"),
        found: found.into(),
    }
}

/// The configuration of a folder.
///
/// # Errors
/// [`Error::NotFound`] where there is none, and as [`ModelConfig::from_json`].
pub(crate) async fn read_config(folder: &impl ModelFolder) -> Result<ModelConfig> {
    let name = "config.json";
    ModelConfig::from_json(&folder.describe(name), &folder.require(name).await?)
}

/// Whose names the tensors of a folder have.
pub fn kind_of(config: &ModelConfig) -> Kind {
    match config {
        ModelConfig::Pali3(_) => Kind::Pali3,
        ModelConfig::T5(_) => Kind::Text,
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

/// The places for tensors of the model that a configuration describes. `stored_head`: whether its checkpoint holds an output
/// head beside the embedding table ([`Checkpoint::has_head`]).
pub fn empty_slots(
    config: &ModelConfig,
    stored_head: bool,
    dtypes: &PartDtypes,
    device: &Device,
) -> Vec<Slot> {
    let kind = kind_of(config);
    match config {
        ModelConfig::Pali3(config) => {
            let separate_head = config.text_config.separate_head(stored_head);
            slots(
                kind,
                &Pali3Model::new(config, separate_head, dtypes, device),
            )
        }
        ModelConfig::T5(config) => {
            let separate_head = config.text_config.separate_head(stored_head);
            let place = Place::new(device, dtypes.language_model.storage());
            slots(
                kind,
                &T5Model::new(&config.text_config, separate_head, &place),
            )
        }
        ModelConfig::Siglip(config) => slots(kind, &SiglipModel::new(config, dtypes, device)),
    }
}

/// Elements of all slots. In 64 bits: a `usize` of wasm does not hold five billion.
fn count(slots: &[Slot]) -> u64 {
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
