//! What generation asks of a model: a decoder, and next-token scores as it gives them, all of them or the best few.

use super::log_softmax::log_softmax;
use crate::compute::BestTokens;
use crate::error::{Error, Result};

/// What the generation loop needs of a model: the decoder with its caches.
#[allow(async_fn_in_trait)] // single-threaded by design: wasm futures are not `Send`
pub trait Decoder {
    /// Feeds one token to each row and returns the scores of the next. `best`: more than the best so many of each row are
    /// not needed, so that a decoder whose scores lie elsewhere can leave the rest there.
    async fn step(&mut self, token_ids: &[u32], best: Option<usize>) -> Result<Scores>;
    /// Makes row `i` of the batch a copy of what was row `rows[i]`; the number of rows may change.
    fn select_rows(&mut self, rows: &[usize]) -> Result<()>;
}

/// Scores of every token of the vocabulary, for every row of a decoding batch, on the host.
#[derive(Debug, Clone)]
pub struct Logits {
    /// Entries in a row.
    pub vocab_size: usize,
    /// `[rows, vocab_size]`, unnormalised.
    pub values: Vec<f32>,
}

/// What a decoder's step gives back.
#[derive(Debug, Clone)]
pub enum Scores {
    /// Everything.
    All(Logits),
    /// At least as many of each row as were asked for, or the whole vocabulary.
    Best(Vec<BestTokens>),
}

/// The scores of one row: of all tokens, or of the best.
#[derive(Clone, Copy)]
pub(super) struct RowScores<'a> {
    /// The tokens that the scores belong to; `None`: all tokens in order.
    pub(super) token_ids: Option<&'a [u32]>,
    pub(super) logits: &'a [f32],
    log_sum_exp: Option<f32>,
}

impl Scores {
    /// The rows, after making sure that there are `expected` of them.
    pub(super) fn rows(&self, expected: usize) -> Result<Vec<RowScores<'_>>> {
        match self {
            Scores::All(Logits { vocab_size, values }) => {
                if *vocab_size == 0 || values.len() != expected * vocab_size {
                    return Err(Error::device(format!(
                        "the decoder returned {} scores, expected {expected} rows of {vocab_size}",
                        values.len()
                    )));
                }
                let rows = values.chunks_exact(*vocab_size).map(|logits| RowScores {
                    token_ids: None,
                    logits,
                    log_sum_exp: None,
                });
                Ok(rows.collect())
            }
            Scores::Best(rows) => {
                if rows.len() != expected || rows.iter().any(|row| row.logits.is_empty()) {
                    let problem = format!("of {} rows, expected {expected}", rows.len());
                    return Err(Error::device(format!(
                        "the decoder returned scores {problem}"
                    )));
                }
                let rows = rows.iter().map(|row| RowScores {
                    token_ids: Some(&row.token_ids),
                    logits: &row.logits,
                    log_sum_exp: Some(row.log_sum_exp),
                });
                Ok(rows.collect())
            }
        }
    }
}

impl RowScores<'_> {
    /// The token whose score is at `index`.
    pub(super) fn token_id(&self, index: usize) -> u32 {
        self.token_ids.map_or(index as u32, |ids| ids[index])
    }

    /// Log-probabilities of the row's tokens among all tokens.
    ///
    /// # Errors
    /// As [`log_softmax`].
    pub(super) fn log_softmax(&self) -> Result<Vec<f32>> {
        let Some(log_sum_exp) = self.log_sum_exp else {
            return log_softmax(self.logits);
        };
        if !log_sum_exp.is_finite() || self.logits.iter().any(|x| x.is_nan()) {
            return Err(Error::not_finite("next-token scores are"));
        }
        Ok(self.logits.iter().map(|x| x - log_sum_exp).collect())
    }
}

/// Where a token's score is in a row of the best or of all.
pub(super) fn position(token_ids: Option<&[u32]>, id: u32) -> Option<usize> {
    match token_ids {
        None => Some(id as usize),
        Some(ids) => ids.iter().position(|&of| of == id),
    }
}
