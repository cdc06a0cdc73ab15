//! Given answers instead of generated ones: how likely they are, and what they look at.

use super::{EncodedImage, Pali3};
use crate::compute::device::read;
use crate::error::{Error, Result};
use crate::generation::{TextStream, log_softmax};
use crate::nn::Trace;
use burn::tensor::Tensor;

/// A given answer and how likely the model finds it.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoredText {
    /// The answer.
    pub text: String,
    /// Its tokens; the closing `</s>` is one of them.
    pub token_ids: Vec<u32>,
    /// Natural logarithm of each token's probability after what came before it.
    pub logprobs: Vec<f32>,
    /// Their sum.
    pub score: f32,
}

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

impl Pali3 {
    /// What the decoder has seen before each token of an answer.
    pub(super) fn shifted(&self, target: &[u32]) -> Vec<u32> {
        let start = self.parts.text.config.decoder_start();
        let before = target[..target.len().saturating_sub(1)].iter().copied();
        std::iter::once(start).chain(before).collect()
    }

    /// How likely the model finds each of the given answers to one question; the encoder runs once.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for a prompt or target that is too long or where there is no target,
    /// [`Error::Device`] when the device fails.
    pub async fn score(
        &self,
        images: &[EncodedImage],
        prompt: &str,
        targets: &[String],
    ) -> Result<Vec<ScoredText>> {
        if targets.is_empty() {
            return Err(Error::input(
                "targets",
                "expected at least one text, found none",
            ));
        }
        // All of them before the work, not after half of it.
        let ids = targets.iter().map(|target| self.ids("target", target));
        let ids = ids.collect::<Result<Vec<_>>>()?;
        let (hidden_states, mask) = self.encode(images, prompt)?;
        let text = &self.parts.text.model;
        let mut scored = Vec::with_capacity(targets.len());
        for (target, token_ids) in targets.iter().zip(ids) {
            let input = self.int_tensor(&self.shifted(&token_ids));
            let logits = text.decode(input, hidden_states.clone(), &mask, &Trace::off());
            let vocab_size = logits.dims()[2];
            let logits = read(logits).await?;
            let rows = token_ids.iter().zip(logits.chunks_exact(vocab_size));
            let logprobs = rows.map(|(&id, row)| Ok(log_softmax(row)?[id as usize]));
            let logprobs = logprobs.collect::<Result<Vec<f32>>>()?;
            scored.push(ScoredText {
                text: target.clone(),
                score: logprobs.iter().sum(),
                token_ids,
                logprobs,
            });
        }
        Ok(scored)
    }

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
        self.check_ids("token ids", token_ids)?;
        let vocab_size = self.parts.text.config.vocab_size;
        if let Some(id) = token_ids.iter().find(|&&id| id as usize >= vocab_size) {
            let problem = format!("expected ids below {vocab_size}, found {id}");
            return Err(Error::input("token ids", problem));
        }
        let (hidden_states, mask) = self.encode(images, prompt)?;
        let length = hidden_states.dims()[1];
        let trace = Trace::only(|name| name.ends_with(".cross_attention.mean_weights"));
        let input = self.int_tensor(&self.shifted(token_ids));
        let text = &self.parts.text.model;
        text.decode(input, hidden_states, &mask, &trace);
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
        let mut stream = TextStream::new(&[]);
        let pieces = (1..=token_ids.len()).map(|count| {
            let text = self
                .parts
                .text
                .tokenizer
                .decode(&token_ids[..count], true)?;
            Ok(stream.push(&text, count == token_ids.len()).text)
        });
        pieces.collect()
    }
}
