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
mod scores;
mod stepper;
mod stream;
#[cfg(test)]
mod tests;

pub use crate::compute::BestTokens;
pub use options::{EarlyStopping, GenerationOptions, MAX_NEW_TOKENS_LIMIT, NUM_BEAMS_LIMIT};
pub use output::{FinishReason, Output, Piece, Sequence};
pub use overrides::Overrides;
pub use processors::log_softmax;
pub use scores::{Logits, Scores};
pub use stepper::Generation;
pub use stream::{Chunk, TextStream};

use crate::error::Result;

/// What the generation loop needs of a model: the decoder with its caches.
#[allow(async_fn_in_trait)] // single-threaded by design: wasm futures are not `Send`
pub trait Decoder {
    /// Feeds one token to each row and returns the scores of the next. `best`: more than the best so many of each row are
    /// not needed, so that a decoder whose scores lie elsewhere can leave the rest there.
    async fn step(&mut self, token_ids: &[u32], best: Option<usize>) -> Result<Scores>;
    /// Makes row `i` of the batch a copy of what was row `rows[i]`; the number of rows may change.
    fn select_rows(&mut self, rows: &[usize]) -> Result<()>;
}
