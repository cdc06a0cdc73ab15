//! Greedy search and sampling: one token for each row at each step.

use super::options::GenerationOptions;
use super::output::{FinishReason, Results, Track};
use super::processors::{Processors, Warpers};
use super::sample::{Sampler, arg_max};
use super::scores::{Row, Scores};
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

    /// How many of the best scores of a row decide; `None`: all.
    pub(super) fn needs(&self) -> Option<usize> {
        let chosen = match self.do_sample {
            true => self.warpers.needs()?,
            false => 1,
        };
        Some(chosen + self.processors.may_ban()?)
    }

    /// Chooses a token for each row; returns the rows that go on.
    pub(super) fn advance(
        &mut self,
        scores: &Scores,
        decode: &dyn Fn(&[u32]) -> Result<String>,
        results: &mut Results,
    ) -> Result<Vec<usize>> {
        let rows = scores.rows(self.tracks.len())?;
        let mut kept = Vec::new();
        let tracks = std::mem::take(&mut self.tracks);
        for (row, ((mut track, mut sampler), scores)) in tracks.into_iter().zip(rows).enumerate() {
            let logprobs = scores.log_softmax()?;
            let chosen = self.choose(&track, &mut sampler, scores)?;
            let (token_id, logprob) = (scores.token_id(chosen), logprobs[chosen]);
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

    /// The index of the chosen token's score in the row.
    fn choose(&self, track: &Track, sampler: &mut Sampler, row: Row) -> Result<usize> {
        let mut scores = row.logits.to_vec();
        self.processors
            .apply(&track.decoder_ids, row.token_ids, &mut scores);
        if !self.do_sample {
            return arg_max(&scores).ok_or_else(nothing_left);
        }
        self.warpers.apply(&mut scores);
        let Some(ids) = row.token_ids else {
            return sampler.draw(&scores).ok_or_else(nothing_left);
        };
        // In the order of their ids: a random number then means the same token as among all of them.
        let mut order: Vec<usize> = (0..ids.len()).collect();
        order.sort_unstable_by_key(|&i| ids[i]);
        let ordered: Vec<f32> = order.iter().map(|&i| scores[i]).collect();
        let drawn = sampler.draw(&ordered).ok_or_else(nothing_left)?;
        Ok(order[drawn])
    }
}
