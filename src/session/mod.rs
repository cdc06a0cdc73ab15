//! A loaded model with everything that belongs to its folder: picture → visual tokens, question → answer, texts → embeddings. For
//! every family; what a family does not do is an error that says which do.

mod answer;
mod attention;
mod decoder;
mod embed;
mod encoded_image;
pub(crate) mod folder;
mod image_bytes;
mod load;
mod score;
mod self_test;
mod trace;
mod warm_up;

use crate::compute::device::{DeviceKind, read};
use crate::error::{Error, Result};
use crate::formats::PartDtypes;
use crate::generation::GenerationOptions;
use crate::image::ImageProcessor;
use crate::models::{
    AttentionMask, Capability, EncoderDecoder, ImageEmbedder, ImageEncoder, Model, ModelConfig,
    PromptConfig, TextEmbedder, TextEmbedding, VisionInput, registry,
};
use crate::nn::Trace;
use crate::tokenizer::{PaddedTokenizer, Tokenizer};
use burn::tensor::{Device, Int, Tensor, TensorData};
use std::cell::OnceCell;
use std::rc::Rc;

pub use answer::{Answer, Detokenize};
pub use attention::CrossAttention;
pub use decoder::ModelDecoder;
pub use embed::Similarity;
pub use encoded_image::EncodedImage;
pub use load::{Load, LoadOptions};
pub use score::ScoredText;
pub use self_test::{SELF_TEST, SelfCheck, SelfTest, SelfTestReport};
pub use trace::Intermediates;

/// A loaded model of any family. Cloning shares it.
#[derive(Clone)]
pub struct Session {
    parts: Rc<Parts>,
}

struct Parts {
    config: Box<dyn ModelConfig>,
    model: Box<dyn Model>,
    images: Option<Images>,
    prompts: Option<Prompts>,
    texts: Option<Texts>,
    num_params: u64,
    /// The forms on the device; those in the folder are the configuration's.
    dtypes: PartDtypes,
    device: Device,
    kind: DeviceKind,
}

/// What pictures take, beside the model.
struct Images {
    input: VisionInput,
    processor: ImageProcessor,
    /// Of the vision tower, once it has been asked for.
    fingerprint: OnceCell<[u8; 8]>,
}

/// What questions and answers take.
struct Prompts {
    config: PromptConfig,
    tokenizer: Tokenizer,
    generation: GenerationOptions,
}

/// What texts to be embedded take.
struct Texts {
    tokenizer: PaddedTokenizer,
    embedding: TextEmbedding,
    logit_scale: f32,
    logit_bias: f32,
}

impl Session {
    /// The folder's configuration, which knows the family and what it can do.
    pub fn config(&self) -> &dyn ModelConfig {
        &*self.parts.config
    }

    /// Whether the model does that.
    pub fn can(&self, capability: Capability) -> bool {
        self.config().family().can(capability)
    }

    /// Parameters of the whole model.
    pub fn num_params(&self) -> u64 {
        self.parts.num_params
    }

    /// The form of each part's matrices on the device.
    pub fn dtypes(&self) -> &PartDtypes {
        &self.parts.dtypes
    }

    /// Where the model runs.
    pub fn device_kind(&self) -> DeviceKind {
        self.parts.kind
    }

    /// The folder's generation defaults, to be overridden by the caller's.
    ///
    /// # Errors
    /// [`Error::UnsupportedModel`] for a model that does not answer.
    pub fn generation_options(&self) -> Result<&GenerationOptions> {
        Ok(&self.encoder_decoder()?.0.generation)
    }

    /// The tokenizer of prompts and answers.
    ///
    /// # Errors
    /// As [`Session::generation_options`].
    pub fn tokenizer(&self) -> Result<&Tokenizer> {
        Ok(&self.encoder_decoder()?.0.tokenizer)
    }

    /// What answers, and what that takes.
    fn encoder_decoder(&self) -> Result<(&Prompts, &dyn EncoderDecoder)> {
        let Parts { prompts, model, .. } = &*self.parts;
        let both = prompts.as_ref().zip(model.encoder_decoder());
        both.ok_or_else(|| self.cannot(Capability::Generate))
    }

    /// What takes pictures into prompts.
    fn image_encoder(&self) -> Result<(&Images, &dyn ImageEncoder)> {
        let Parts { images, model, .. } = &*self.parts;
        let both = images.as_ref().zip(model.image_encoder());
        both.ok_or_else(|| self.cannot(Capability::SeeImages))
    }

    /// What embeds pictures.
    fn image_embedder(&self) -> Result<(&Images, &dyn ImageEmbedder)> {
        let Parts { images, model, .. } = &*self.parts;
        let both = images.as_ref().zip(model.image_embedder());
        both.ok_or_else(|| self.cannot(Capability::EmbedImages))
    }

    /// What embeds texts.
    fn text_embedder(&self) -> Result<(&Texts, &dyn TextEmbedder)> {
        let Parts { texts, model, .. } = &*self.parts;
        let both = texts.as_ref().zip(model.text_embedder());
        both.ok_or_else(|| self.cannot(Capability::EmbedTexts))
    }

    fn cannot(&self, capability: Capability) -> Error {
        registry::cannot(self.config(), capability, "config.json")
    }

    /// Tokenizes a prompt or target and checks that the model takes it.
    fn ids(&self, what: &str, text: &str) -> Result<Vec<u32>> {
        let ids = self.tokenizer()?.encode(text)?;
        self.check_ids(what, &ids)?;
        Ok(ids)
    }

    fn check_ids(&self, what: &str, ids: &[u32]) -> Result<()> {
        let limit = self.encoder_decoder()?.0.config.max_prompt_tokens;
        if ids.is_empty() || ids.len() > limit {
            let problem = format!("expected 1 to {limit} tokens, found {}", ids.len());
            return Err(Error::input(what, problem));
        }
        Ok(())
    }

    /// `[1, length]` on the device.
    fn int_tensor(&self, ids: &[u32]) -> Tensor<2, Int> {
        let ids: Vec<i32> = ids.iter().map(|&id| id as i32).collect();
        let shape = [1, ids.len()];
        Tensor::from_data(TensorData::new(ids, shape), &self.parts.device)
    }

    /// Runs the encoder over pictures and prompt: `[1, visual + text tokens, width]`.
    fn encode(&self, images: &[EncodedImage], prompt: &str) -> Result<(Tensor<3>, AttentionMask)> {
        self.encode_ids(images, &self.ids("prompt", prompt)?)
    }

    fn encode_ids(
        &self,
        images: &[EncodedImage],
        ids: &[u32],
    ) -> Result<(Tensor<3>, AttentionMask)> {
        let (_, model) = self.encoder_decoder()?;
        let mask = AttentionMask::new(&[vec![true; ids.len()]]);
        let projected = self.projected(images)?;
        Ok(model.encode_prompts(projected, self.int_tensor(ids), &mask, &Trace::off()))
    }

    /// The encoder's `last_hidden_state` for pictures and a prompt: its shape and values.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for a prompt that is too long, [`Error::UnsupportedModel`] for a model that does not answer,
    /// [`Error::Device`] when the device fails.
    pub async fn encoder_last_hidden_state(
        &self,
        images: &[EncodedImage],
        prompt: &str,
    ) -> Result<(Vec<usize>, Vec<f32>)> {
        let (hidden_states, _) = self.encode(images, prompt)?;
        host(hidden_states).await
    }
}

async fn host(tensor: Tensor<3>) -> Result<(Vec<usize>, Vec<f32>)> {
    Ok((tensor.dims().to_vec(), read(tensor).await?))
}
