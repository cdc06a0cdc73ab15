//! Beam search of a whole batch: the decoder's rows are the running hypotheses of all items.

use super::beams::{Beams, NextTokenScores, candidates};
use crate::error::Result;
use crate::generation::decoder::{RowScores, Scores};
use crate::generation::options::GenerationOptions;
use crate::generation::processors::Processors;
use crate::generation::sequence::{Decode, Results, RunningSequence};
use crate::generation::stream::find_first;

#[derive(Debug)]
pub(super) struct BeamSearch {
    /// The unfinished batch items with their numbers.
    items: Vec<(usize, Beams)>,
    processors: Processors,
    options: GenerationOptions,
}

impl BeamSearch {
    pub(super) fn new(batch_size: usize, options: &GenerationOptions) -> Self {
        Self {
            items: (0..batch_size)
                .map(|item| (item, Beams::new(options)))
                .collect(),
            processors: Processors::new(options),
            options: options.clone(),
        }
    }

    /// The token that each decoder row is fed next.
    pub(super) fn last_tokens(&self) -> Vec<u32> {
        let start = self.options.decoder_start_token_id;
        self.items
            .iter()
            .flat_map(|(_, beams)| beams.running())
            .map(|hypothesis| hypothesis.token_ids.last().copied().unwrap_or(start))
            .collect()
    }

    /// How many of the best scores of a row are needed; `None`: all.
    pub(super) fn needed(&self) -> Option<usize> {
        Some(candidates(&self.options) + self.processors.most_banned()?)
    }

    /// Extends every item's beams; returns the rows that the running hypotheses continue.
    pub(super) fn advance(
        &mut self,
        scores: &Scores,
        decode: Decode,
        results: &mut Results,
    ) -> Result<Vec<usize>> {
        let stop = self.options.stop.clone();
        let stops = move |token_ids: &[u32]| -> Result<bool> {
            Ok(!stop.is_empty() && find_first(&decode(token_ids)?, &stop).is_some())
        };
        let row_count = self
            .items
            .iter()
            .map(|(_, beams)| beams.running().len())
            .sum();
        let mut rows = scores.rows(row_count)?.into_iter();
        let mut kept = Vec::new();
        let mut first_row = 0;
        for (item, mut beams) in std::mem::take(&mut self.items) {
            let scores = beams
                .running()
                .iter()
                .zip(&mut rows)
                .map(|(hypothesis, row)| self.next_scores(&hypothesis.token_ids, row))
                .collect::<Result<Vec<_>>>()?;
            let parents = beams.advance(&scores, &stops)?;
            kept.extend(parents.iter().map(|parent| first_row + parent));
            first_row += scores.len();
            if beams.running().is_empty() {
                self.finish(item, beams, decode, results)?;
            } else {
                self.items.push((item, beams));
            }
        }
        Ok(kept)
    }

    fn next_scores(&self, token_ids: &[u32], row: RowScores) -> Result<NextTokenScores> {
        let raw = row.log_softmax()?;
        let mut processed = raw.clone();
        let mut decoder_ids = vec![self.options.decoder_start_token_id];
        decoder_ids.extend(token_ids);
        self.processors
            .apply(&decoder_ids, row.token_ids, &mut processed);
        let token_ids = (0..raw.len()).map(|i| row.token_id(i)).collect();
        Ok(NextTokenScores {
            token_ids,
            raw,
            processed,
        })
    }

    /// Gives out the best sequences of a finished item as if they had come token by token.
    fn finish(
        &self,
        item: usize,
        beams: Beams,
        decode: Decode,
        results: &mut Results,
    ) -> Result<()> {
        let count = self.options.num_return_sequences;
        for (rank, hypothesis) in beams.into_finished().into_iter().take(count).enumerate() {
            let mut sequence = RunningSequence::new(item * count + rank, &self.options);
            let last = hypothesis.token_ids.len() - 1;
            let tokens = hypothesis.token_ids.iter().zip(&hypothesis.logprobs);
            for (index, (&token_id, &logprob)) in tokens.enumerate() {
                let ending = hypothesis.finish_reason.filter(|_| index == last);
                if let Some(reason) = sequence.push(token_id, logprob, ending, decode, results)? {
                    sequence.finish(hypothesis.score, reason, results);
                    break;
                }
            }
        }
        Ok(())
    }
}
