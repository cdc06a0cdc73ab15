//! A model folder → a model ready to answer.

use super::{Pali3, Parts};
use crate::config::{
    Dtype, Pali3Config, PartDtypes, PreprocessorConfig, QuantizationConfig, Size, require,
};
use crate::device::DeviceKind;
use crate::error::{Error, Result};
use crate::generation::GenerationOptions;
use crate::model::Pali3Model;
use crate::tokenizer::Tokenizer;
use crate::weights::{Checkpoint, Kind, ModelFolder, Progress, slots};
use burn::tensor::Device;
use std::cell::OnceCell;
use std::rc::Rc;

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
    fn dtypes(&self, stored: Option<&QuantizationConfig>) -> Result<PartDtypes> {
        let stored = stored.map_or(PartDtypes::all(Dtype::F32), |config| config.dtypes);
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

impl Pali3 {
    /// Loads a model folder: configuration, tokenizer, then the weights, tensor by tensor.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`], [`crate::Error::Corrupt`], [`crate::Error::UnsupportedModel`] and the tensor errors, each with the file
    /// it is about; [`crate::Error::Device`] when the device fails.
    pub async fn load(
        folder: &impl ModelFolder,
        device: &Device,
        kind: DeviceKind,
        options: &LoadOptions,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Self> {
        let file = |name: &str| folder.describe(name);
        let config = folder.require("config.json").await?;
        let config = Pali3Config::from_json(&file("config.json"), &config)?;
        let dtypes = options.dtypes(config.quantization_config.as_ref())?;
        let name = "preprocessor_config.json";
        let preprocessor = match folder.read(name).await? {
            Some(bytes) => PreprocessorConfig::from_json(&file(name), &bytes)?,
            // SigLIP's defaults, at the size that the tower's positions are for.
            None => PreprocessorConfig {
                size: Size::Exact {
                    height: config.vision_config.image_size,
                    width: config.vision_config.image_size,
                },
                ..Default::default()
            },
        };
        let tokenizer = folder.require("tokenizer.json").await?;
        let tokenizer = Tokenizer::from_bytes(&file("tokenizer.json"), &tokenizer)?;
        require(
            tokenizer.vocab_size() <= config.text_config.vocab_size,
            &file("tokenizer.json"),
            "vocabulary",
            format!("at most vocab_size ({})", config.text_config.vocab_size),
            tokenizer.vocab_size(),
        )?;
        let text = &config.text_config;
        let generation = GenerationOptions {
            decoder_start_token_id: text.decoder_start_token_id,
            eos_token_ids: vec![text.eos_token_id],
            ..Default::default()
        };
        let name = "generation_config.json";
        let generation = match folder.read(name).await? {
            Some(bytes) => generation.from_json(&file(name), &bytes)?,
            None => generation,
        };
        let checkpoint = open_checkpoint(folder, &config).await?;
        let model = empty_model(&checkpoint, &config, &dtypes, device);
        // In 64 bits: a `usize` of wasm does not hold five billion.
        let num_params = slots(Kind::Pali3, &model)
            .iter()
            .map(|slot| slot.len() as u64)
            .sum();
        let limit = options.largest_buffer;
        let model = checkpoint
            .load(folder, model, device, limit, progress)
            .await?;
        let parts = Parts {
            config,
            preprocessor,
            generation,
            tokenizer,
            model,
            num_params,
            dtypes,
            device: device.clone(),
            kind,
            tower: OnceCell::new(),
        };
        Ok(Self {
            parts: Rc::new(parts),
        })
    }
}

/// The headers of the folder's weights.
///
/// # Errors
/// As [`Checkpoint::open`].
pub async fn open_checkpoint(
    folder: &impl ModelFolder,
    config: &Pali3Config,
) -> Result<Checkpoint> {
    match config.quantization_config {
        Some(_) => Checkpoint::open_sharded(folder, Kind::Pali3).await,
        None => Checkpoint::open(folder, Kind::Pali3).await,
    }
}

/// The model that fits a checkpoint, before its tensors arrive.
pub fn empty_model(
    checkpoint: &Checkpoint,
    config: &Pali3Config,
    dtypes: &PartDtypes,
    device: &Device,
) -> Pali3Model {
    let separate_head =
        !config.text_config.tied() || checkpoint.has("language_model.lm_head.weight");
    Pali3Model::new(config, separate_head, dtypes, device)
}
