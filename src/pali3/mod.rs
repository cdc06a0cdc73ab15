//! The whole way: picture → visual tokens, question → answer. Of a language model alone, the second half of it.

mod decoder;
mod encoded_image;
mod image_bytes;
mod load;
mod score;
mod self_test;
mod trace;
mod warm_up;

use crate::compute::device::{DeviceKind, read};
use crate::config::{
    PartDtypes, PreprocessorConfig, SiglipVisionConfig, T5Config, takes_no_pictures,
};
use crate::error::{Error, Result};
use crate::generation::{Generation, GenerationOptions};
use crate::models::t5::DecoderCache;
use crate::models::{AttentionMask, PictureModel, T5Model};
use crate::nn::Trace;
use crate::tokenizer::Tokenizer;
use burn::tensor::{Device, Int, Tensor, TensorData};
use std::cell::OnceCell;
use std::rc::Rc;

pub use decoder::ModelDecoder;
#[cfg(any(feature = "cli", feature = "testing"))]
pub(crate) use decoder::decode_step;
pub use encoded_image::EncodedImage;
pub use score::{CrossAttention, ScoredText};
pub use self_test::{SELF_TEST, SelfCheck, SelfTest, SelfTestReport};
pub use trace::Intermediates;

/// A loaded model with everything that belongs to its folder. Cloning shares it.
#[derive(Clone)]
pub struct Pali3 {
    parts: Rc<Parts>,
}

struct Parts {
    model_type: String,
    /// `None`: a language model alone.
    picture: Option<Picture>,
    text: Text,
    num_params: u64,
    /// The forms in the folder.
    stored: PartDtypes,
    /// The forms on the device.
    dtypes: PartDtypes,
    device: Device,
    kind: DeviceKind,
}

/// What pictures take.
struct Picture {
    config: SiglipVisionConfig,
    preprocessor: PreprocessorConfig,
    model: PictureModel,
    /// Of the vision tower, once it has been asked for.
    fingerprint: OnceCell<[u8; 8]>,
}

/// What questions and answers take.
struct Text {
    config: T5Config,
    max_prompt_tokens: usize,
    tokenizer: Tokenizer,
    generation: GenerationOptions,
    model: T5Model,
}

/// Turns token ids into text.
pub type Detokenize = Box<dyn Fn(&[u32]) -> Result<String>>;
/// An answer under way.
pub type Answer = Generation<ModelDecoder, Detokenize>;

impl Pali3 {
    /// `model_type` of the folder: `"pali3"`, or `"t5"` or `"mt5"` for a language model alone.
    pub fn model_type(&self) -> &str {
        &self.parts.model_type
    }

    /// The shape of the vision tower; `None` for a model that takes no pictures.
    pub fn vision_config(&self) -> Option<&SiglipVisionConfig> {
        self.parts.picture.as_ref().map(|picture| &picture.config)
    }

    /// The shape of the language model.
    pub fn text_config(&self) -> &T5Config {
        &self.parts.text.config
    }

    /// Parameters of the whole model.
    pub fn num_params(&self) -> u64 {
        self.parts.num_params
    }

    /// The form of each part's matrices on the device.
    pub fn dtypes(&self) -> &PartDtypes {
        &self.parts.dtypes
    }

    /// The folder's generation defaults, to be overridden by the caller's.
    pub fn generation_options(&self) -> &GenerationOptions {
        &self.parts.text.generation
    }

    /// The tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.parts.text.tokenizer
    }

    /// Where the model runs.
    pub fn device_kind(&self) -> DeviceKind {
        self.parts.kind
    }

    /// The picture side.
    fn picture(&self) -> Result<&Picture> {
        let Parts {
            picture,
            model_type,
            ..
        } = &*self.parts;
        let picture = picture.as_ref();
        picture.ok_or_else(|| takes_no_pictures("config.json", model_type))
    }

    /// Tokenizes a prompt or target and checks that the model takes it.
    fn ids(&self, what: &str, text: &str) -> Result<Vec<u32>> {
        let ids = self.parts.text.tokenizer.encode(text)?;
        self.check_ids(what, &ids)?;
        Ok(ids)
    }

    fn check_ids(&self, what: &str, ids: &[u32]) -> Result<()> {
        let limit = self.parts.text.max_prompt_tokens;
        if ids.is_empty() || ids.len() > limit {
            let problem = format!("expected 1 to {limit} tokens, found {}", ids.len());
            return Err(Error::input(what, problem));
        }
        Ok(())
    }

    fn int_tensor(&self, ids: &[u32]) -> Tensor<2, Int> {
        let ids: Vec<i32> = ids.iter().map(|&id| id as i32).collect();
        let shape = [1, ids.len()];
        Tensor::from_data(TensorData::new(ids, shape), &self.parts.device)
    }

    /// Runs the encoder over pictures and prompt: `[1, visual + text tokens, d_model]`.
    fn encode(&self, images: &[EncodedImage], prompt: &str) -> Result<(Tensor<3>, AttentionMask)> {
        self.encode_ids(images, &self.ids("prompt", prompt)?)
    }

    fn encode_ids(
        &self,
        images: &[EncodedImage],
        ids: &[u32],
    ) -> Result<(Tensor<3>, AttentionMask)> {
        let mask = AttentionMask::new(&[vec![true; ids.len()]]);
        let projected = self.projected(images)?;
        let (ids, trace) = (self.int_tensor(ids), Trace::off());
        let model = &self.parts.text.model;
        Ok(model.encode_prompts(projected, ids, &mask, &trace))
    }

    /// Caches for the answer to one question.
    fn start_decoding(
        &self,
        hidden_states: Tensor<3>,
        mask: &AttentionMask,
        max_length: usize,
    ) -> DecoderCache {
        let model = &self.parts.text.model;
        model.start_decoding(hidden_states, mask, max_length)
    }

    /// The encoder's `last_hidden_state` for pictures and a prompt: its shape and values.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for a prompt that is too long, [`Error::Device`] when the device fails.
    pub async fn encoder_last_hidden_state(
        &self,
        images: &[EncodedImage],
        prompt: &str,
    ) -> Result<(Vec<usize>, Vec<f32>)> {
        let (hidden_states, _) = self.encode(images, prompt)?;
        host(hidden_states).await
    }

    /// Starts an answer. Pictures, whose tokens stand in front of the prompt in the order given, a prompt, or both; an empty
    /// prompt asks about the pictures alone.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for a prompt that is too long, [`Error::InvalidOption`] for options out of range.
    pub fn generate(
        &self,
        images: &[EncodedImage],
        prompt: &str,
        options: &GenerationOptions,
    ) -> Result<Answer> {
        options.validate()?;
        let (hidden_states, mask) = self.encode(images, prompt)?;
        let decoder = ModelDecoder {
            model: self.clone(),
            cache: self.start_decoding(hidden_states, &mask, options.max_new_tokens),
        };
        let tokenizer = self.clone();
        let decode: Detokenize =
            Box::new(move |ids| tokenizer.parts.text.tokenizer.decode(ids, true));
        Generation::new(decoder, 1, options, decode)
    }
}

async fn host(tensor: Tensor<3>) -> Result<(Vec<usize>, Vec<f32>)> {
    Ok((tensor.dims().to_vec(), read(tensor).await?))
}
