//! The beams of one batch item, step for step as in `transformers` 5.23 (`_beam_search`).

use crate::error::Result;
use crate::generation::options::{EarlyStopping, GenerationOptions};
use crate::generation::output::FinishReason;
use crate::generation::processors::no_token_left;

/// A sequence, running or finished.
#[derive(Debug, Clone)]
pub(super) struct Hypothesis {
    /// Without the start token.
    pub(super) token_ids: Vec<u32>,
    /// Log-softmax of the raw logits at each token.
    pub(super) logprobs: Vec<f32>,
    /// Running: sum of the processed log-probabilities. Finished: that sum / length^length_penalty.
    pub(super) score: f32,
    /// `None` while running.
    pub(super) finish_reason: Option<FinishReason>,
}

/// The scores of one running hypothesis' next token: of all tokens, or of the best.
pub(super) struct NextTokenScores {
    /// Whose they are.
    pub(super) token_ids: Vec<u32>,
    /// Log-softmax of the raw logits.
    pub(super) raw: Vec<f32>,
    /// The same after the processors.
    pub(super) processed: Vec<f32>,
}

/// The beams of one batch item.
#[derive(Debug)]
pub(super) struct Beams {
    num_beams: usize,
    candidates: usize,
    max_new_tokens: usize,
    length_penalty: f64,
    early_stopping: EarlyStopping,
    eos_token_ids: Vec<u32>,
    /// At most `num_beams`, best first. One at the start: HF's other beams begin at −10⁹, which comes to the same.
    running: Vec<Hypothesis>,
    /// At most `num_beams`, best first.
    finished: Vec<Hypothesis>,
}

struct Candidate {
    score: f32,
    parent: usize,
    token_id: u32,
    logprob: f32,
}

/// Continuations that are looked at of each item: one more set of beams for each end-of-sequence token beyond the first,
/// so that `num_beams` of them can run on even if all others end.
pub(super) fn candidates(options: &GenerationOptions) -> usize {
    options.num_beams * (1 + options.eos_token_ids.len()).max(2)
}

impl Beams {
    pub(super) fn new(options: &GenerationOptions) -> Self {
        Self {
            num_beams: options.num_beams,
            candidates: candidates(options),
            max_new_tokens: options.max_new_tokens,
            length_penalty: options.length_penalty,
            early_stopping: options.early_stopping,
            eos_token_ids: options.eos_token_ids.clone(),
            running: vec![Hypothesis {
                token_ids: Vec::new(),
                logprobs: Vec::new(),
                score: 0.0,
                finish_reason: None,
            }],
            finished: Vec::new(),
        }
    }

    /// The hypotheses to extend, in the order of their decoder rows; none when the search is over.
    pub(super) fn running(&self) -> &[Hypothesis] {
        &self.running
    }

    /// The finished sequences, best first.
    pub(super) fn into_finished(self) -> Vec<Hypothesis> {
        self.finished
    }

    /// Extends the running hypotheses by a token. `scores` has an entry for each; `stops` tells
    /// whether the text of some token ids holds a stop string.
    ///
    /// Returns, for each hypothesis that runs on, the row that it continues.
    pub(super) fn advance(
        &mut self,
        scores: &[NextTokenScores],
        stops: &dyn Fn(&[u32]) -> Result<bool>,
    ) -> Result<Vec<usize>> {
        let candidates = self.best_candidates(scores);
        if candidates.is_empty() {
            return Err(no_token_left());
        }
        let length = self.running[0].token_ids.len() + 1;
        let mut parents = Vec::with_capacity(self.num_beams);
        let mut running = Vec::with_capacity(self.num_beams);
        for (rank, candidate) in candidates.iter().enumerate() {
            let mut next = self.extend(candidate);
            next.finish_reason = self.finish_reason(&next.token_ids, stops)?;
            if next.finish_reason.is_none() {
                if running.len() < self.num_beams {
                    parents.push(candidate.parent);
                    running.push(next);
                }
            } else if rank < self.num_beams {
                // Only the best `num_beams` may end; the others are there to keep the beams filled.
                next.score /= self.penalty(length);
                self.finished.push(next);
            }
        }
        self.running = running;
        self.finished.sort_by(|a, b| b.score.total_cmp(&a.score)); // stable: the older of equals stays ahead
        self.finished.truncate(self.num_beams);
        if self.is_over(length) {
            self.running.clear();
            parents.clear();
        }
        Ok(parents)
    }

    /// The best continuations, as many as [`candidates`].
    fn best_candidates(&self, scores: &[NextTokenScores]) -> Vec<Candidate> {
        let keep = self.candidates;
        let mut candidates = Vec::new();
        for (parent, (hypothesis, next)) in self.running.iter().zip(scores).enumerate() {
            let scores = next.processed.iter().zip(&next.raw);
            candidates.extend(
                next.token_ids
                    .iter()
                    .zip(scores)
                    .map(|(&token_id, (processed, &logprob))| Candidate {
                        score: hypothesis.score + processed,
                        parent,
                        token_id,
                        logprob,
                    })
                    .filter(|candidate| candidate.score > f32::NEG_INFINITY),
            );
        }
        let best_first = |a: &Candidate, b: &Candidate| {
            (b.score.total_cmp(&a.score)).then((a.parent, a.token_id).cmp(&(b.parent, b.token_id)))
        };
        if candidates.len() > keep {
            candidates.select_nth_unstable_by(keep, best_first);
            candidates.truncate(keep);
        }
        candidates.sort_unstable_by(best_first);
        candidates
    }

    fn extend(&self, candidate: &Candidate) -> Hypothesis {
        let mut next = self.running[candidate.parent].clone();
        next.token_ids.push(candidate.token_id);
        next.logprobs.push(candidate.logprob);
        next.score = candidate.score;
        next
    }

    fn finish_reason(
        &self,
        token_ids: &[u32],
        stops: &dyn Fn(&[u32]) -> Result<bool>,
    ) -> Result<Option<FinishReason>> {
        Ok(match token_ids.last() {
            Some(last) if self.eos_token_ids.contains(last) => Some(FinishReason::Eos),
            _ if stops(token_ids)? => Some(FinishReason::Stop),
            _ if token_ids.len() >= self.max_new_tokens => Some(FinishReason::Length),
            _ => None,
        })
    }

    fn penalty(&self, length: usize) -> f32 {
        (length as f64).powf(self.length_penalty) as f32
    }

    /// Whether nothing better can be expected; `length` is the number of tokens of the running hypotheses.
    fn is_over(&self, length: usize) -> bool {
        let Some(best) = self.running.first() else {
            return true;
        };
        if self.finished.len() < self.num_beams {
            return false;
        }
        // With "never" and a penalty that favours length, the best that can still come is the longest.
        let best_length = match self.early_stopping {
            EarlyStopping::Yes => return true,
            EarlyStopping::Never if self.length_penalty > 0.0 => self.max_new_tokens,
            _ => length,
        };
        let best_possible = best.score / self.penalty(best_length);
        let worst = self.finished.last().map_or(f32::NEG_INFINITY, |f| f.score);
        best_possible <= worst
    }
}
