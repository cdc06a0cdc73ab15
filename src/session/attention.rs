//! What an answer looks at.

use super::{EncodedImage, Session};
use crate::compute::device::read;
use crate::error::{Error, Result};
use crate::generation::TextStream;
use crate::nn::Trace;
use burn::tensor::Tensor;

/// How much each token of an answer looks at each position of the encoder.
#[derive(Debug, Clone, PartialEq)]
pub struct CrossAttention {
    /// The text that each token adds to those before it; empty for special ones and for a part of a character.
    pub tokens: Vec<String>,
    /// `[tokens, positions]`: probabilities, mean over the decoder's layers and heads. Positions are the visual tokens of
    /// each picture, then the prompt's tokens.
    pub weights: Vec<f32>,
    /// Visual tokens of each picture.
    pub visual_tokens: Vec<usize>,
    /// Tokens of the prompt, the closing `</s>` counted.
    pub text_tokens: usize,
}

impl Session {
    /// What the decoder looks at as it writes the given tokens: for each the cross-attention of the position that predicts
    /// it.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for a prompt that is too long and for no, too many or unknown tokens, [`Error::Device`] when
    /// the device fails.
    pub async fn attention(
        &self,
        images: &[EncodedImage],
        prompt: &str,
        token_ids: &[u32],
    ) -> Result<CrossAttention> {
        let (_, model) = self.encoder_decoder()?;
        self.check_ids("token ids", token_ids)?;
        let vocab_size = self.config().vocab_size();
        if let Some(id) = token_ids.iter().find(|&&id| id as usize >= vocab_size) {
            let problem = format!("expected ids below {vocab_size}, found {id}");
            return Err(Error::input("token ids", problem));
        }
        let (hidden_states, mask) = self.encode(images, prompt)?;
        let length = hidden_states.dims()[1];
        let trace = Trace::only(|name| name.ends_with(".cross_attention.mean_weights"));
        let input = self.int_tensor(&self.shifted(token_ids)?);
        model.decode(input, hidden_states, &mask, &trace);
        let layers: Vec<Tensor<1>> = trace.into_records().into_iter().map(|r| r.2).collect();
        let count = layers.len();
        let sum = layers.into_iter().reduce(|sum, layer| sum + layer);
        let sum = sum.ok_or_else(|| Error::input("model", "has no decoder layers"))?;
        let visual_tokens: Vec<usize> = images.iter().map(EncodedImage::len).collect();
        Ok(CrossAttention {
            tokens: self.pieces(token_ids)?,
            weights: read(sum.div_scalar(count as f32)).await?,
            text_tokens: length - visual_tokens.iter().sum::<usize>(),
            visual_tokens,
        })
    }

    /// The text that each token adds.
    fn pieces(&self, token_ids: &[u32]) -> Result<Vec<String>> {
        let tokenizer = self.tokenizer()?;
        let mut stream = TextStream::new(&[]);
        let pieces = (1..=token_ids.len()).map(|count| {
            let text = tokenizer.decode(&token_ids[..count], true)?;
            Ok(stream.push(&text, count == token_ids.len()).text)
        });
        pieces.collect()
    }
}
