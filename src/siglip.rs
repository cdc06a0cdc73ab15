//! SigLIP's two towers: how alike pictures and texts are.

use crate::checkpoint::{Checkpoint, Kind, ModelFolder};
use crate::compute::device::{DeviceKind, read};
use crate::config::{ModelConfig, PartDtypes, PreprocessorConfig, SiglipConfig};
use crate::error::{Error, Result};
use crate::image::{PixelValues, RgbImage};
use crate::load::{Load, embeds_nothing, read_preprocessor, read_tokenizer};
use crate::models::SiglipModel;
use crate::models::siglip::warm_up_pixels;
use crate::nn::Trace;
use crate::tokenizer::PaddedTokenizer;
use burn::tensor::{Device, Int, Tensor, TensorData};
use std::rc::Rc;

/// Texts that are embedded at once.
const TEXTS: usize = 16;

/// A loaded model with everything that belongs to its folder. Cloning shares it.
#[derive(Clone)]
pub struct Siglip {
    parts: Rc<Parts>,
}

struct Parts {
    config: SiglipConfig,
    preprocessor: PreprocessorConfig,
    tokenizer: PaddedTokenizer,
    model: SiglipModel,
    logit_scale: f32,
    logit_bias: f32,
    num_params: u64,
    dtypes: PartDtypes,
    device: Device,
    kind: DeviceKind,
}

impl Siglip {
    /// Loads a folder of a SigLIP checkpoint with both towers: configuration, tokenizer, then the weights.
    ///
    /// # Errors
    /// As [`crate::pali3::Pali3::load`].
    pub async fn load(load: Load<'_, impl ModelFolder>) -> Result<Self> {
        let config = load.config().await?;
        Self::load_as(config, load).await
    }

    pub(crate) async fn load_as(
        config: ModelConfig,
        load: Load<'_, impl ModelFolder>,
    ) -> Result<Self> {
        let (folder, device, kind) = (load.folder, load.device, load.kind);
        let dtypes = load.dtypes(&config)?;
        let ModelConfig::Siglip(config) = config else {
            let file = folder.describe("config.json");
            return Err(embeds_nothing(&file, config.model_type()));
        };
        let preprocessor = read_preprocessor(folder, config.vision_config.image_size).await?;
        let text = &config.text_config;
        let tokenizer = read_tokenizer(folder, text.vocab_size).await?;
        let file = folder.describe("tokenizer.json");
        let tokenizer = tokenizer.padded(&file, text.max_position_embeddings)?;
        let quantized = config.quantization_config.is_some();
        let empty = |_: &Checkpoint| SiglipModel::new(&config, &dtypes, device);
        let (model, num_params) = load.weights(Kind::Siglip, quantized, empty).await?;
        let (scale, bias) = model.logit_scale_bias();
        let scale_bias = read(Tensor::cat(vec![scale, bias], 0)).await?;
        let parts = Parts {
            preprocessor,
            tokenizer,
            logit_scale: scale_bias[0],
            logit_bias: scale_bias[1],
            model,
            num_params,
            dtypes,
            device: device.clone(),
            kind,
            config,
        };
        Ok(Self {
            parts: Rc::new(parts),
        })
    }

    /// The model's configuration.
    pub fn config(&self) -> &SiglipConfig {
        &self.parts.config
    }

    /// Parameters of the whole model.
    pub fn num_params(&self) -> u64 {
        self.parts.num_params
    }

    /// The form of each part's matrices on the device: the language model's is the text tower's.
    pub fn dtypes(&self) -> &PartDtypes {
        &self.parts.dtypes
    }

    /// Where the model runs.
    pub fn device_kind(&self) -> DeviceKind {
        self.parts.kind
    }

    /// The logarithm of what a cosine is multiplied by for a score.
    pub fn logit_scale(&self) -> f32 {
        self.parts.logit_scale
    }

    /// What is added then.
    pub fn logit_bias(&self) -> f32 {
        self.parts.logit_bias
    }

    /// The embedding of each picture, of length 1 and of `config().text_config.embedding_size()` numbers.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for a picture without pixels, or one smaller than a patch where the folder does not resize;
    /// [`Error::Device`] when the device fails.
    pub async fn embed_images(&self, images: &[RgbImage]) -> Result<Vec<Vec<f32>>> {
        let mut embeddings = Vec::with_capacity(images.len());
        for image in images {
            let patch = self.parts.config.vision_config.patch_size;
            let pixels = self.parts.preprocessor.preprocess_for(image, patch)?;
            embeddings.push(self.embed_pixels(pixels).await?);
        }
        Ok(embeddings)
    }

    async fn embed_pixels(&self, pixels: PixelValues) -> Result<Vec<f32>> {
        let Parts { model, device, .. } = &*self.parts;
        let shape = [1, 3, pixels.height, pixels.width];
        let pixels = Tensor::from_data(TensorData::new(pixels.data, shape), device);
        let embeds = model.image_embeds(pixels, &Trace::off());
        let embeds = embeds.ok_or_else(|| Error::input("model", "has no pooling head"))?;
        finite(read(embeds).await?)
    }

    /// The embedding of each text, of length 1. Texts are brought into the form that the model was trained on: lower case,
    /// for SigLIP 1 without punctuation, padded to the model's length; what is longer is cut off.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when the tokenizer has no way to write a text; [`Error::Device`] when the device fails.
    pub async fn embed_texts(&self, texts: &[String]) -> Result<Vec<Vec<f32>>> {
        let encode = |text: &String| self.parts.tokenizer.encode(text);
        let ids = texts.iter().map(encode).collect::<Result<Vec<_>>>()?;
        let mut embeddings = Vec::with_capacity(texts.len());
        for batch in ids.chunks(TEXTS) {
            let embeds = self.text_embeds(batch);
            let width = embeds.dims()[1];
            let values = finite(read(embeds).await?)?;
            embeddings.extend(values.chunks_exact(width).map(<[f32]>::to_vec));
        }
        Ok(embeddings)
    }

    fn text_embeds(&self, ids: &[Vec<u32>]) -> Tensor<2> {
        let Parts { model, device, .. } = &*self.parts;
        let shape = [
            ids.len(),
            self.parts.config.text_config.max_position_embeddings,
        ];
        let ids: Vec<i32> = ids.iter().flatten().map(|&id| id as i32).collect();
        let ids: Tensor<2, Int> = Tensor::from_data(TensorData::new(ids, shape), device);
        model.text_embeds(ids, &Trace::off())
    }

    /// The score of a picture's and a text's embedding: what the sigmoid of [`Siglip::probability`] is taken of.
    pub fn logit(&self, image: &[f32], text: &[f32]) -> f32 {
        let cosine: f32 = image.iter().zip(text).map(|(a, b)| a * b).sum();
        cosine * self.parts.logit_scale.exp() + self.parts.logit_bias
    }

    /// How probable it is that a picture and a text belong together. Each pair is judged by itself: the probabilities of
    /// several texts need not add up to 1.
    pub fn probability(&self, image: &[f32], text: &[f32]) -> f32 {
        1.0 / (1.0 + (-self.logit(image, text)).exp())
    }

    /// Embeds a small picture and texts, so that a GPU's kernels are compiled before the first call. `on_step` gets how
    /// many of how many stages are done, after each.
    ///
    /// # Errors
    /// [`Error::Device`] when the device fails.
    pub async fn warm_up(&self, on_step: &mut dyn FnMut(usize, usize)) -> Result<()> {
        let pixels = warm_up_pixels(&self.parts.config.vision_config);
        self.embed_pixels(pixels).await?;
        on_step(1, 2);
        // One text alone and several together take different kernels.
        for count in [1, 2] {
            self.embed_texts(&vec![String::new(); count]).await?;
        }
        on_step(2, 2);
        Ok(())
    }
}

/// A model that is broken, or a device, gives no numbers.
fn finite(values: Vec<f32>) -> Result<Vec<f32>> {
    match values.iter().all(|value| value.is_finite()) {
        true => Ok(values),
        false => Err(Error::device("an embedding is not finite")),
    }
}
