//! How likely given answers are.

use super::{EncodedImage, Session};
use crate::compute::device::read;
use crate::error::{Error, Result};
use crate::generation::log_softmax;
use crate::nn::Trace;

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

impl Session {
    /// What the decoder has seen before each token of an answer.
    pub(super) fn shifted(&self, target: &[u32]) -> Result<Vec<u32>> {
        let start = self.generation_options()?.decoder_start_token_id;
        let before = target[..target.len().saturating_sub(1)].iter().copied();
        Ok(std::iter::once(start).chain(before).collect())
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
        let (_, model) = self.encoder_decoder()?;
        let (hidden_states, mask) = self.encode(images, prompt)?;
        let mut scored = Vec::with_capacity(targets.len());
        for (target, token_ids) in targets.iter().zip(ids) {
            let input = self.int_tensor(&self.shifted(&token_ids)?);
            let logits = model.decode(input, hidden_states.clone(), &mask, &Trace::off());
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
}
