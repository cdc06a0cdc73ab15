//! Greedy search and sampling: one token for each row at each step.

use super::sampler::{Sampler, arg_max};
use crate::error::Result;
use crate::generation::decoder::{RowScores, Scores};
use crate::generation::options::GenerationOptions;
use crate::generation::output::FinishReason;
use crate::generation::processors::{Processors, Warpers, no_token_left};
use crate::generation::sequence::{Decode, Results, RunningSequence};

/// The unfinished sequences, one for each decoder row.
#[derive(Debug)]
pub(super) struct Sampling {
    running: Vec<(RunningSequence, Sampler)>,
    processors: Processors,
    warpers: Warpers,
    do_sample: bool,
    max_new_tokens: usize,
    eos_token_ids: Vec<u32>,
}

impl Sampling {
    pub(super) fn new(sequences: usize, options: &GenerationOptions) -> Self {
        Self {
            running: (0..sequences)
                .map(|i| {
                    (
                        RunningSequence::new(i, options),
                        Sampler::new(options.seed, i),
                    )
                })
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
        self.running
            .iter()
            .filter_map(|(sequence, _)| sequence.decoder_ids.last().copied())
            .collect()
    }

    /// How many of the best scores of a row are needed; `None`: all.
    pub(super) fn needed(&self) -> Option<usize> {
        let chosen = match self.do_sample {
            true => self.warpers.needed()?,
            false => 1,
        };
        Some(chosen + self.processors.most_banned()?)
    }

    /// Chooses a token for each row; returns the rows that go on.
    pub(super) fn advance(
        &mut self,
        scores: &Scores,
        decode: Decode,
        results: &mut Results,
    ) -> Result<Vec<usize>> {
        let rows = scores.rows(self.running.len())?;
        let mut kept = Vec::new();
        let running = std::mem::take(&mut self.running);
        for (row, ((mut sequence, mut sampler), scores)) in
            running.into_iter().zip(rows).enumerate()
        {
            let logprobs = scores.log_softmax()?;
            let chosen = self.choose(&sequence, &mut sampler, scores)?;
            let (token_id, logprob) = (scores.token_id(chosen), logprobs[chosen]);
            let ending = if self.eos_token_ids.contains(&token_id) {
                Some(FinishReason::Eos)
            } else if sequence.logprobs.len() + 1 >= self.max_new_tokens {
                Some(FinishReason::Length)
            } else {
                None
            };
            match sequence.push(token_id, logprob, ending, decode, results)? {
                Some(reason) => {
                    let score = sequence.logprobs.iter().sum();
                    sequence.finish(score, reason, results);
                }
                None => {
                    kept.push(row);
                    self.running.push((sequence, sampler));
                }
            }
        }
        Ok(kept)
    }

    /// The index of the chosen token's score in the row.
    fn choose(
        &self,
        sequence: &RunningSequence,
        sampler: &mut Sampler,
        row: RowScores,
    ) -> Result<usize> {
        let mut scores = row.logits.to_vec();
        self.processors
            .apply(&sequence.decoder_ids, row.token_ids, &mut scores);
        if !self.do_sample {
            return arg_max(&scores).ok_or_else(no_token_left);
        }
        self.warpers.apply(&mut scores);
        let Some(ids) = row.token_ids else {
            return sampler.draw(&scores).ok_or_else(no_token_left);
        };
        // In the order of their ids: a random number then means the same token as among all of them.
        let mut order: Vec<usize> = (0..ids.len()).collect();
        order.sort_unstable_by_key(|&i| ids[i]);
        let ordered: Vec<f32> = order.iter().map(|&i| scores[i]).collect();
        let drawn = sampler.draw(&ordered).ok_or_else(no_token_left)?;
        Ok(order[drawn])
    }
}
