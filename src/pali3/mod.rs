//! The whole way: picture → visual tokens, question → answer.

mod decoder;
mod load;
mod trace;

use crate::config::{Pali3Config, PartDtypes, PreprocessorConfig};
use crate::device::{DeviceKind, read};
use crate::error::{Error, Result};
use crate::generation::{Generation, GenerationOptions, log_softmax};
use crate::image::{PixelValues, RgbImage};
use crate::model::{AttentionMask, Pali3Model};
use crate::nn::Trace;
use crate::tokenizer::Tokenizer;
use burn::tensor::{Device, Int, Tensor, TensorData};
use std::rc::Rc;

pub use decoder::ModelDecoder;
#[cfg(any(feature = "cli", feature = "testing"))]
pub(crate) use decoder::decode_step;
pub use load::{LoadOptions, empty_model, open_checkpoint};
pub use trace::Intermediates;

/// A loaded model with everything that belongs to its folder. Cloning shares it.
#[derive(Clone)]
pub struct Pali3 {
    parts: Rc<Parts>,
}

struct Parts {
    config: Pali3Config,
    preprocessor: PreprocessorConfig,
    generation: GenerationOptions,
    tokenizer: Tokenizer,
    model: Pali3Model,
    num_params: u64,
    dtypes: PartDtypes,
    device: Device,
    kind: DeviceKind,
}

/// A picture as the model sees it: visual tokens, on the device, ready for any number of questions.
#[derive(Clone)]
pub struct EncodedImage {
    visual_tokens: Tensor<3>,
    projected: Tensor<3>,
}

/// Turns token ids into text.
pub type Detokenize = Box<dyn Fn(&[u32]) -> Result<String>>;
/// An answer under way.
pub type Answer = Generation<ModelDecoder, Detokenize>;

/// One token of a given text and how likely the model finds it.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoredToken {
    /// Id.
    pub token_id: u32,
    /// Natural logarithm of its probability after what came before it.
    pub logprob: f32,
}

impl Pali3 {
    /// The model's configuration.
    pub fn config(&self) -> &Pali3Config {
        &self.parts.config
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
        &self.parts.generation
    }

    /// The tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.parts.tokenizer
    }

    /// Where the model runs.
    pub fn device_kind(&self) -> DeviceKind {
        self.parts.kind
    }

    /// Resizes and normalises a picture as the folder's `preprocessor_config.json` says.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for a picture without pixels, or one smaller than a patch where the folder does not resize.
    pub fn preprocess(&self, image: &RgbImage) -> Result<PixelValues> {
        let pixel_values = self.parts.preprocessor.preprocess(image)?;
        let patch = self.parts.config.vision_config.patch_size;
        if pixel_values.height < patch || pixel_values.width < patch {
            return Err(Error::input(
                "image",
                format!(
                    "expected at least {patch} by {patch} pixels after resizing, found {} by {}",
                    pixel_values.width, pixel_values.height
                ),
            ));
        }
        Ok(pixel_values)
    }

    /// Picture → visual tokens, the costly half of an answer; worth keeping for several questions.
    ///
    /// # Errors
    /// As [`Pali3::preprocess`]; [`Error::Device`] when the device fails.
    pub async fn encode_image(&self, image: &RgbImage) -> Result<EncodedImage> {
        self.encode_pixels(self.preprocess(image)?).await
    }

    /// [`Pali3::encode_image`] for a picture that has been preprocessed.
    ///
    /// # Errors
    /// [`Error::Device`] when the device fails.
    pub async fn encode_pixels(&self, pixel_values: PixelValues) -> Result<EncodedImage> {
        let Parts { model, device, .. } = &*self.parts;
        let shape = [1, 3, pixel_values.height, pixel_values.width];
        let pixels = Tensor::from_data(TensorData::new(pixel_values.data, shape), device);
        let trace = Trace::off();
        let visual_tokens = model.visual_tokens(pixels, &trace);
        let projected = model.project(visual_tokens.clone(), &trace);
        // Waits for the device, so that its errors belong to this call and not to the next one.
        read(projected.clone().slice([0..1, 0..1, 0..1])).await?;
        Ok(EncodedImage {
            visual_tokens,
            projected,
        })
    }

    /// Tokenizes a prompt or target and checks that the model takes it.
    fn ids(&self, what: &str, text: &str) -> Result<Vec<u32>> {
        let ids = self.parts.tokenizer.encode(text)?;
        let limit = self.parts.config.max_prompt_tokens;
        if ids.is_empty() || ids.len() > limit {
            let problem = format!("expected 1 to {limit} tokens, found {}", ids.len());
            return Err(Error::input(what, problem));
        }
        Ok(ids)
    }

    fn int_tensor(&self, ids: &[u32]) -> Tensor<2, Int> {
        let ids: Vec<i32> = ids.iter().map(|&id| id as i32).collect();
        let shape = [1, ids.len()];
        Tensor::from_data(TensorData::new(ids, shape), &self.parts.device)
    }

    /// Runs the encoder over picture and prompt: `[1, visual + text tokens, d_model]`.
    fn encode(
        &self,
        image: Option<&EncodedImage>,
        prompt: &str,
    ) -> Result<(Tensor<3>, AttentionMask)> {
        let ids = self.ids("prompt", prompt)?;
        let mask = AttentionMask::new(&[vec![true; ids.len()]]);
        let projected = image.map(|image| image.projected.clone());
        let input_ids = self.int_tensor(&ids);
        let model = &self.parts.model;
        Ok(model.encode(projected, input_ids, &mask, &Trace::off()))
    }

    /// The encoder's `last_hidden_state` for a picture and a prompt: its shape and values.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for a prompt that is too long, [`Error::Device`] when the device fails.
    pub async fn encoder_last_hidden_state(
        &self,
        image: Option<&EncodedImage>,
        prompt: &str,
    ) -> Result<(Vec<usize>, Vec<f32>)> {
        let (hidden_states, _) = self.encode(image, prompt)?;
        host(hidden_states).await
    }

    /// Starts an answer. Image, prompt or both; an empty prompt asks about the picture alone.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for a prompt that is too long, [`Error::InvalidOption`] for options out of range.
    pub fn generate(
        &self,
        image: Option<&EncodedImage>,
        prompt: &str,
        options: &GenerationOptions,
    ) -> Result<Answer> {
        options.validate()?;
        let (hidden_states, mask) = self.encode(image, prompt)?;
        let text = self.parts.model.language_model();
        let cache = text.start_decoding(hidden_states, &mask, options.max_new_tokens);
        let decoder = ModelDecoder {
            model: self.clone(),
            cache,
        };
        let tokenizer = self.clone();
        let decode: Detokenize = Box::new(move |ids| tokenizer.parts.tokenizer.decode(ids, true));
        Generation::new(decoder, 1, options, decode)
    }

    /// What the decoder has seen before each token of an answer.
    fn shifted(&self, target: &[u32]) -> Vec<u32> {
        let start = self.parts.config.text_config.decoder_start_token_id;
        let before = target[..target.len().saturating_sub(1)].iter().copied();
        std::iter::once(start).chain(before).collect()
    }

    /// How likely the model finds a given answer, token by token; the closing `</s>` is one of them.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for a prompt or target that is too long, [`Error::Device`] when the device fails.
    pub async fn score(
        &self,
        image: Option<&EncodedImage>,
        prompt: &str,
        target: &str,
    ) -> Result<Vec<ScoredToken>> {
        let target = self.ids("target", target)?;
        let (hidden_states, mask) = self.encode(image, prompt)?;
        let input = self.int_tensor(&self.shifted(&target));
        let text = self.parts.model.language_model();
        let logits = text.decode(input, hidden_states, &mask, &Trace::off());
        let vocab_size = logits.dims()[2];
        let logits = read(logits).await?;
        let scored = target.iter().zip(logits.chunks_exact(vocab_size));
        scored
            .map(|(&token_id, row)| {
                let logprob = log_softmax(row)?[token_id as usize];
                Ok(ScoredToken { token_id, logprob })
            })
            .collect()
    }
}

impl EncodedImage {
    /// Number of visual tokens.
    pub fn len(&self) -> usize {
        self.visual_tokens.dims()[1]
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The tower's output `[1, tokens, hidden]`: shape and values.
    ///
    /// # Errors
    /// [`Error::Device`] when the device fails.
    pub async fn visual_tokens(&self) -> Result<(Vec<usize>, Vec<f32>)> {
        host(self.visual_tokens.clone()).await
    }

    /// What the encoder gets `[1, tokens, d_model]`: shape and values.
    ///
    /// # Errors
    /// [`Error::Device`] when the device fails.
    pub async fn projected_visual_tokens(&self) -> Result<(Vec<usize>, Vec<f32>)> {
        host(self.projected.clone()).await
    }
}

async fn host(tensor: Tensor<3>) -> Result<(Vec<usize>, Vec<f32>)> {
    Ok((tensor.dims().to_vec(), read(tensor).await?))
}
