//! A model folder → a model ready to answer.

use super::{Pali3, Parts, Picture, Text};
use crate::checkpoint::{Checkpoint, Kind, ModelFolder};
use crate::config::{ModelConfig, Pali3Config, PartDtypes, T5Config, T5ModelConfig};
use crate::error::Result;
use crate::generation::GenerationOptions;
use crate::load::{Load, answers_no_questions, read_preprocessor, read_tokenizer};
use crate::models::{Pali3Model, T5Model};
use crate::nn::Place;
use crate::tokenizer::Tokenizer;
use std::cell::OnceCell;
use std::rc::Rc;

/// The picture side, where there is one, the text side, and the parameters of both.
type Sides = (Option<Picture>, Text, u64);

impl Pali3 {
    /// Loads a model folder: configuration, tokenizer, then the weights, tensor by tensor.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`], [`crate::Error::Corrupt`], [`crate::Error::UnsupportedModel`] and the tensor errors, each with the file
    /// it is about; [`crate::Error::Device`] when the device fails.
    pub async fn load(load: Load<'_, impl ModelFolder>) -> Result<Self> {
        let config = load.config().await?;
        Self::load_as(config, load).await
    }

    pub(crate) async fn load_as(
        config: ModelConfig,
        load: Load<'_, impl ModelFolder>,
    ) -> Result<Self> {
        let (device, kind) = (load.device.clone(), load.kind);
        let (stored, dtypes) = (config.dtypes(), load.dtypes(&config)?);
        let model_type = config.model_type().to_string();
        let (picture, text, num_params) = match config {
            ModelConfig::Pali3(config) => both_sides(config, &dtypes, load).await?,
            ModelConfig::T5(config) => text_alone(config, &dtypes, load).await?,
            ModelConfig::Siglip(_) => {
                let file = load.folder.describe("config.json");
                return Err(answers_no_questions(&file, &model_type));
            }
        };
        let parts = Parts {
            model_type,
            picture,
            text,
            num_params,
            stored,
            dtypes,
            device,
            kind,
        };
        Ok(Self {
            parts: Rc::new(parts),
        })
    }
}

async fn both_sides(
    config: Pali3Config,
    dtypes: &PartDtypes,
    load: Load<'_, impl ModelFolder>,
) -> Result<Sides> {
    let (folder, device) = (load.folder, load.device);
    let preprocessor = read_preprocessor(folder, config.vision_config.image_size).await?;
    let (tokenizer, generation) = text_files(folder, &config.text_config).await?;
    let empty = |checkpoint: &Checkpoint| {
        let separate_head = config.text_config.separate_head(checkpoint.has_head());
        Pali3Model::new(&config, separate_head, dtypes, device)
    };
    let quantized = config.quantization_config.is_some();
    let (model, num_params) = load.weights(Kind::Pali3, quantized, empty).await?;
    let picture = Picture {
        config: config.vision_config,
        preprocessor,
        model: model.picture,
        fingerprint: OnceCell::new(),
    };
    let text = Text {
        config: config.text_config,
        max_prompt_tokens: config.max_prompt_tokens,
        tokenizer,
        generation,
        model: model.language_model,
    };
    Ok((Some(picture), text, num_params))
}

async fn text_alone(
    config: T5ModelConfig,
    dtypes: &PartDtypes,
    load: Load<'_, impl ModelFolder>,
) -> Result<Sides> {
    let place = Place::new(load.device, dtypes.language_model.storage());
    let (tokenizer, generation) = text_files(load.folder, &config.text_config).await?;
    let empty = |checkpoint: &Checkpoint| {
        let separate_head = config.text_config.separate_head(checkpoint.has_head());
        T5Model::new(&config.text_config, separate_head, &place)
    };
    let quantized = config.quantization_config.is_some();
    let (model, num_params) = load.weights(Kind::Text, quantized, empty).await?;
    let text = Text {
        config: config.text_config,
        max_prompt_tokens: config.max_prompt_tokens,
        tokenizer,
        generation,
        model,
    };
    Ok((None, text, num_params))
}

/// The folder's tokenizer, and its generation defaults.
async fn text_files(
    folder: &impl ModelFolder,
    config: &T5Config,
) -> Result<(Tokenizer, GenerationOptions)> {
    let tokenizer = read_tokenizer(folder, config.vocab_size).await?;
    let generation = GenerationOptions {
        decoder_start_token_id: config.decoder_start(),
        eos_token_ids: vec![config.eos_token_id],
        ..Default::default()
    };
    let name = "generation_config.json";
    let generation = match folder.read(name).await? {
        Some(bytes) => generation.from_json(&folder.describe(name), &bytes)?,
        None => generation,
    };
    Ok((tokenizer, generation))
}
