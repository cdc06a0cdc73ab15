//! A model folder → a session.

use super::folder::{
    empty_model, open_checkpoint, read_config, read_generation, read_image_processor,
    read_tokenizer,
};
use super::{Images, Parts, Prompts, Session, Texts};
use crate::checkpoint::Progress;
use crate::compute::device::{DeviceKind, read};
use crate::error::{Error, Result};
use crate::formats::{ModelFolder, PartDtypes};
use crate::models::{Model, ModelConfig};
use burn::tensor::{Device, Tensor};
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
    /// The form of each part of a model on the device.
    fn dtypes(&self, config: &dyn ModelConfig) -> Result<PartDtypes> {
        match self.dtype.as_deref() {
            None | Some("auto") => Ok(config.dtypes()),
            Some(dtype) if dtype.contains("f16") => {
                let problem = "halves are computed on as f32: ask for f32, or for q8 or q4";
                Err(Error::option("dtype", problem))
            }
            Some(dtype) => config.dtypes_with("dtype", dtype),
        }
    }
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
    /// Told of each chunk of weights that is on the device.
    pub progress: &'a mut dyn FnMut(Progress),
}

impl Session {
    /// Loads a model folder of any family: configuration, tokenizer, headers of the weights, then the weights, tensor by tensor.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Corrupt`], [`Error::UnsupportedModel`] and the tensor errors, each with the file
    /// it is about; [`Error::Device`] when the device fails.
    pub async fn load(load: Load<'_, impl ModelFolder>) -> Result<Self> {
        let Load {
            folder,
            device,
            kind,
            options,
            progress,
        } = load;
        let config = read_config(folder).await?;
        let dtypes = options.dtypes(&*config)?;
        let images = match config.vision() {
            Some(input) => Some(Images {
                input,
                processor: read_image_processor(folder, &input).await?,
                fingerprint: OnceCell::new(),
            }),
            None => None,
        };
        let (mut prompts, mut padded) = (None, None);
        if let Some(own) = config.prompts() {
            prompts = Some(Prompts {
                config: own,
                tokenizer: read_tokenizer(folder, config.vocab_size()).await?,
                generation: read_generation(folder, &own, config.vocab_size()).await?,
            });
        }
        if let Some(embedding) = config.text_embedding() {
            let tokenizer = read_tokenizer(folder, config.vocab_size()).await?;
            let file = folder.describe("tokenizer.json");
            padded = Some((tokenizer.padded(&file, embedding.length)?, embedding));
        }
        let checkpoint = open_checkpoint(folder, &*config).await?;
        let file = folder.describe("config.json");
        let model = empty_model(&*config, &file, &checkpoint, &dtypes, device)?;
        let slots = model.slots();
        let limit = options.largest_buffer;
        let tensors = checkpoint.stream(folder, &slots, device, limit, progress);
        let model = model.fill(tensors.await?);
        let texts = match padded {
            Some((tokenizer, embedding)) => {
                let [logit_scale, logit_bias] = logit_scale_bias(&*model).await?;
                Some(Texts {
                    tokenizer,
                    embedding,
                    logit_scale,
                    logit_bias,
                })
            }
            None => None,
        };
        let parts = Parts {
            config,
            model,
            images,
            prompts,
            texts,
            // In 64 bits: a `usize` of wasm does not hold five billion.
            num_params: slots.iter().map(|slot| slot.len() as u64).sum(),
            dtypes,
            device: device.clone(),
            kind,
        };
        Ok(Self {
            parts: Rc::new(parts),
        })
    }
}

/// What a model's cosines are multiplied by, as a logarithm, and what is added then.
async fn logit_scale_bias(model: &dyn Model) -> Result<[f32; 2]> {
    let Some(embedder) = model.text_embedder() else {
        return Err(Error::input("model", "embeds no texts"));
    };
    let (scale, bias) = embedder.logit_scale_bias();
    match read(Tensor::cat(vec![scale, bias], 0)).await?[..] {
        [scale, bias] => Ok([scale, bias]),
        _ => Err(Error::device("gave no scale and bias")),
    }
}
