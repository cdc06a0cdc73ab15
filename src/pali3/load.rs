//! A model folder → a model ready to answer.

use super::{Pali3, Parts};
use crate::config::{Pali3Config, PartDtypes};
use crate::device::DeviceKind;
use crate::error::Result;
use crate::generation::GenerationOptions;
use crate::load::{LoadOptions, count, open_checkpoint, read_preprocessor, read_tokenizer};
use crate::model::Pali3Model;
use crate::weights::{Checkpoint, Kind, ModelFolder, Progress, slots};
use burn::tensor::Device;
use std::cell::OnceCell;
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
        options: &LoadOptions,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Self> {
        let name = "config.json";
        let config = folder.require(name).await?;
        let config = Pali3Config::from_json(&folder.describe(name), &config)?;
        Self::load_as(config, folder, device, kind, options, progress).await
    }

    pub(crate) async fn load_as(
        config: Pali3Config,
        folder: &impl ModelFolder,
        device: &Device,
        kind: DeviceKind,
        options: &LoadOptions,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Self> {
        let stored = config.quantization_config.as_ref();
        let dtypes = options.dtypes(PartDtypes::stored(stored))?;
        let preprocessor = read_preprocessor(folder, config.vision_config.image_size).await?;
        let tokenizer = read_tokenizer(folder, config.text_config.vocab_size).await?;
        let text = &config.text_config;
        let generation = GenerationOptions {
            decoder_start_token_id: text.decoder_start_token_id,
            eos_token_ids: vec![text.eos_token_id],
            ..Default::default()
        };
        let name = "generation_config.json";
        let generation = match folder.read(name).await? {
            Some(bytes) => generation.from_json(&folder.describe(name), &bytes)?,
            None => generation,
        };
        let checkpoint = open_checkpoint(folder, Kind::Pali3, stored.is_some()).await?;
        let model = empty_model(&checkpoint, &config, &dtypes, device);
        let num_params = count(&slots(Kind::Pali3, &model));
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
