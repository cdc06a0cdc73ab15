//! Tokens out of a decoder: greedy, sampling and beam search, one step at a time.
//!
//! Everything here is host code over the trait [`Decoder`], with the semantics of
//! `transformers.generate` 5.23 for encoder-decoder models (`generation/utils.py`,
//! `generation/logits_process.py`). [`Generation`] is the loop; the rest are its parts.

mod beam;
mod beam_batch;
mod hub_config;
mod options;
#[cfg(test)]
mod options_tests;
mod output;
mod overrides;
mod processors;
mod rows;
mod sample;
mod stepper;
mod stream;
#[cfg(test)]
mod tests;

pub use options::{EarlyStopping, GenerationOptions, MAX_NEW_TOKENS_LIMIT, NUM_BEAMS_LIMIT};
pub use output::{FinishReason, Output, Piece, Sequence};
pub use overrides::Overrides;
pub use processors::log_softmax;
pub use stepper::Generation;
pub use stream::{Chunk, TextStream};

use crate::error::{Error, Result};

/// Next-token scores of every row of a decoding batch, on the host.
#[derive(Debug, Clone)]
pub struct Logits {
    /// Entries in a row.
    pub vocab_size: usize,
    /// `[rows, vocab_size]`, unnormalised.
    pub values: Vec<f32>,
}

impl Logits {
    /// The rows, after making sure that there are `expected` of them.
    fn rows(&self, expected: usize) -> Result<std::slice::ChunksExact<'_, f32>> {
        if self.vocab_size == 0 || self.values.len() != expected * self.vocab_size {
            return Err(Error::device(format!(
                "the decoder returned {} scores, expected {expected} rows of {}",
                self.values.len(),
                self.vocab_size
            )));
        }
        Ok(self.values.chunks_exact(self.vocab_size))
    }
}

/// What the generation loop needs of a model: the decoder with its caches.
#[allow(async_fn_in_trait)] // single-threaded by design: wasm futures are not `Send`
pub trait Decoder {
    /// Feeds one token to each row and returns the scores of the next.
    async fn step(&mut self, token_ids: &[u32]) -> Result<Logits>;
    /// Makes row `i` of the batch a copy of what was row `rows[i]`; the number of rows may change.
    fn select_rows(&mut self, rows: &[usize]) -> Result<()>;
}
