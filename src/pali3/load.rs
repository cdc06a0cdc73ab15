//! A model folder → a model ready to answer.

use super::{Pali3, Parts};
use crate::config::{Pali3Config, PreprocessorConfig, Size, require};
use crate::device::DeviceKind;
use crate::error::Result;
use crate::generation::GenerationOptions;
use crate::model::Pali3Model;
use crate::tokenizer::Tokenizer;
use crate::weights::{Checkpoint, Kind, ModelFolder, Progress};
use burn::tensor::Device;
use std::rc::Rc;

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
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Self> {
        let file = |name: &str| folder.describe(name);
        let config = folder.require("config.json").await?;
        let config = Pali3Config::from_json(&file("config.json"), &config)?;
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
        let model = load_model(folder, &config, device, progress).await?;
        let parts = Parts {
            config,
            preprocessor,
            generation,
            tokenizer,
            model,
            device: device.clone(),
            kind,
        };
        Ok(Self {
            parts: Rc::new(parts),
        })
    }
}

async fn load_model(
    folder: &impl ModelFolder,
    config: &Pali3Config,
    device: &Device,
    progress: &mut dyn FnMut(Progress),
) -> Result<Pali3Model> {
    let checkpoint = Checkpoint::open(folder, Kind::Pali3).await?;
    let model = empty_model(&checkpoint, config, device);
    checkpoint.load(folder, model, device, progress).await
}

/// The model that fits a checkpoint, before its tensors arrive.
pub fn empty_model(checkpoint: &Checkpoint, config: &Pali3Config, device: &Device) -> Pali3Model {
    let separate_head =
        !config.text_config.tied() || checkpoint.has("language_model.lm_head.weight");
    Pali3Model::new(config, separate_head, device)
}
