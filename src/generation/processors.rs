//! Changes to next-token scores: HF's `LogitsProcessor`s and, for sampling, its warpers.
//!
//! Source: `transformers/generation/logits_process.py` and `_get_logits_processor` (the order), 5.23.
//! Greedy search and sampling give them raw logits, beam search the log-softmax.

use super::decoder::position;
use super::options::GenerationOptions;
use crate::error::Error;

/// Repetition penalty, repeated n-grams and minimal length, in HF's order.
#[derive(Debug, Clone)]
pub(super) struct Processors {
    repetition_penalty: f32,
    no_repeat_ngram_size: usize,
    min_new_tokens: usize,
    eos_token_ids: Vec<u32>,
}

impl Processors {
    pub(super) fn new(options: &GenerationOptions) -> Self {
        Self {
            repetition_penalty: options.repetition_penalty as f32,
            no_repeat_ngram_size: options.no_repeat_ngram_size,
            min_new_tokens: options.min_new_tokens,
            eos_token_ids: options.eos_token_ids.clone(),
        }
    }

    /// The most tokens that they can ban at one step; `None`: any number, or they change scores.
    pub(super) fn most_banned(&self) -> Option<usize> {
        match self.repetition_penalty == 1.0 && self.no_repeat_ngram_size == 0 {
            true if self.min_new_tokens > 0 => Some(self.eos_token_ids.len()),
            true => Some(0),
            false => None,
        }
    }

    /// Changes the `scores` of the token after `decoder_ids`, which begin with the start token. `token_ids`: whose scores
    /// they are, where they are not those of the whole vocabulary.
    pub(super) fn apply(&self, decoder_ids: &[u32], token_ids: Option<&[u32]>, scores: &mut [f32]) {
        if self.repetition_penalty != 1.0 {
            self.penalise_repetition(decoder_ids, scores);
        }
        if self.no_repeat_ngram_size > 0 {
            self.ban_repeated_ngrams(decoder_ids, scores);
        }
        if decoder_ids.len().saturating_sub(1) < self.min_new_tokens {
            for &id in &self.eos_token_ids {
                if let Some(at) = position(token_ids, id) {
                    ban(scores, at as u32);
                }
            }
        }
    }

    fn penalise_repetition(&self, decoder_ids: &[u32], scores: &mut [f32]) {
        let mut seen: Vec<u32> = decoder_ids.to_vec();
        seen.sort_unstable();
        seen.dedup();
        for id in seen {
            if let Some(score) = scores.get_mut(id as usize) {
                *score = if *score < 0.0 {
                    *score * self.repetition_penalty
                } else {
                    *score / self.repetition_penalty
                };
            }
        }
    }

    fn ban_repeated_ngrams(&self, decoder_ids: &[u32], scores: &mut [f32]) {
        let size = self.no_repeat_ngram_size;
        if decoder_ids.len() < size {
            return;
        }
        let prefix = &decoder_ids[decoder_ids.len() + 1 - size..];
        for window in decoder_ids.windows(size) {
            if window[..size - 1] == *prefix {
                ban(scores, window[size - 1]);
            }
        }
    }
}

fn ban(scores: &mut [f32], id: u32) {
    if let Some(score) = scores.get_mut(id as usize) {
        *score = f32::NEG_INFINITY;
    }
}

/// Every token has been banned.
pub(super) fn no_token_left() -> Error {
    Error::input(
        "generation",
        "the options exclude every token that could come next",
    )
}

/// Temperature, top-k and top-p, in HF's order; for sampling only.
#[derive(Debug, Clone)]
pub(super) struct Warpers {
    temperature: f32,
    top_k: usize,
    top_p: f64,
}

impl Warpers {
    pub(super) fn new(options: &GenerationOptions) -> Self {
        Self {
            temperature: options.temperature as f32,
            top_k: options.top_k,
            top_p: options.top_p,
        }
    }

    /// How many of the best scores sampling needs; `None`: all.
    pub(super) fn needed(&self) -> Option<usize> {
        // Scores equal to the k-th largest stay too: there is room for some.
        const EQUALS: usize = 16;
        (1..=64)
            .contains(&self.top_k)
            .then_some(self.top_k + EQUALS)
    }

    /// Changes the `scores` of the next token; what must not be drawn becomes −∞.
    pub(super) fn apply(&self, scores: &mut [f32]) {
        if self.temperature != 1.0 {
            scores.iter_mut().for_each(|x| *x /= self.temperature);
        }
        if self.top_k > 0 && self.top_k < scores.len() {
            keep_top_k(scores, self.top_k);
        }
        if self.top_p < 1.0 {
            keep_top_p(scores, self.top_p);
        }
    }
}

/// Scores equal to the k-th largest stay too, as in HF.
fn keep_top_k(scores: &mut [f32], k: usize) {
    let mut sorted = scores.to_vec();
    let (_, &mut least, _) = sorted.select_nth_unstable_by(k - 1, |a, b| b.total_cmp(a));
    for score in scores.iter_mut().filter(|x| **x < least) {
        *score = f32::NEG_INFINITY;
    }
}

/// Removes the least probable tokens as long as their probabilities add up to no more than 1 − p.
fn keep_top_p(scores: &mut [f32], p: f64) {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]));
    let Some((&best, rest)) = order.split_last() else {
        return;
    };
    let max = scores[best];
    let sum: f64 = scores.iter().map(|&x| f64::from((x - max).exp())).sum();
    let mut cumulative = 0.0_f64;
    for &index in rest {
        cumulative += f64::from((scores[index] - max).exp()) / sum;
        // The comparison is in f32 there, and a probability mass on the border must fall on the same side.
        if cumulative as f32 > (1.0 - p) as f32 {
            break;
        }
        scores[index] = f32::NEG_INFINITY;
    }
}
