//! Greedy search and sampling: one token for each row at each step.

use super::Logits;
use super::options::GenerationOptions;
use super::output::{FinishReason, Results, Track};
use super::processors::{Processors, Warpers, log_softmax};
use super::sample::{Sampler, arg_max};
use super::stepper::nothing_left;
use crate::error::Result;

/// The unfinished sequences, one for each decoder row.
#[derive(Debug)]
pub(super) struct Rows {
    tracks: Vec<(Track, Sampler)>,
    processors: Processors,
    warpers: Warpers,
    do_sample: bool,
    max_new_tokens: usize,
    eos_token_ids: Vec<u32>,
}

impl Rows {
    pub(super) fn new(sequences: usize, options: &GenerationOptions) -> Self {
        Self {
            tracks: (0..sequences)
                .map(|i| (Track::new(i, options), Sampler::new(options.seed, i)))
                .collect(),
            processors: Processors::new(options),
            warpers: Warpers::new(options),
            do_sample: options.do_sample,
            max_new_tokens: options.max_new_tokens,
            eos_token_ids: options.eos_token_ids.clone(),
        }
    }

    /// The token that each decoder row is fed next.
    pub(super) fn last_tokens(&self) -> Vec<u32> {
        self.tracks
            .iter()
            .filter_map(|(track, _)| track.decoder_ids.last().copied())
            .collect()
    }

    /// Chooses a token for each row; returns the rows that go on.
    pub(super) fn advance(
        &mut self,
        logits: &Logits,
        decode: &dyn Fn(&[u32]) -> Result<String>,
        results: &mut Results,
    ) -> Result<Vec<usize>> {
        let rows = logits.rows(self.tracks.len())?;
        let mut kept = Vec::new();
        let tracks = std::mem::take(&mut self.tracks);
        for (row, ((mut track, mut sampler), logits)) in tracks.into_iter().zip(rows).enumerate() {
            let token_id = self.choose(&track, &mut sampler, logits)?;
            let logprob = log_softmax(logits)?[token_id as usize];
            let ending = if self.eos_token_ids.contains(&token_id) {
                Some(FinishReason::Eos)
            } else if track.logprobs.len() + 1 >= self.max_new_tokens {
                Some(FinishReason::Length)
            } else {
                None
            };
            match track.push(token_id, logprob, ending, decode, results)? {
                Some(reason) => {
                    let score = track.logprobs.iter().sum();
                    track.finish(score, reason, results);
                }
                None => {
                    kept.push(row);
                    self.tracks.push((track, sampler));
                }
            }
        }
        Ok(kept)
    }

    fn choose(&self, track: &Track, sampler: &mut Sampler, logits: &[f32]) -> Result<u32> {
        let mut scores = logits.to_vec();
        self.processors.apply(&track.decoder_ids, &mut scores);
        if self.do_sample {
            self.warpers.apply(&mut scores);
            sampler.draw(&scores)
        } else {
            arg_max(&scores)
        }
        .ok_or_else(nothing_left)
    }
}
