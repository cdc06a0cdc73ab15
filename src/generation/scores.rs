//! Next-token scores as a decoder gives them: all of them, or the best few.

use super::processors::log_softmax;
use crate::compute::BestTokens;
use crate::error::{Error, Result};

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

/// One row of either.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    /// The tokens that the scores belong to; `None`: all tokens in order.
    pub(super) token_ids: Option<&'a [u32]>,
    pub(super) logits: &'a [f32],
    log_sum_exp: Option<f32>,
}

impl Scores {
    /// The rows, after making sure that there are `expected` of them.
    pub(super) fn rows(&self, expected: usize) -> Result<Vec<Row<'_>>> {
        match self {
            Scores::All(Logits { vocab_size, values }) => {
                if *vocab_size == 0 || values.len() != expected * vocab_size {
                    return Err(Error::device(format!(
                        "the decoder returned {} scores, expected {expected} rows of {vocab_size}",
                        values.len()
                    )));
                }
                let rows = values.chunks_exact(*vocab_size).map(|logits| Row {
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
                let rows = rows.iter().map(|row| Row {
                    token_ids: Some(&row.token_ids),
                    logits: &row.logits,
                    log_sum_exp: Some(row.log_sum_exp),
                });
                Ok(rows.collect())
            }
        }
    }
}

impl Row<'_> {
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
            return Err(Error::device("next-token scores are not finite"));
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
