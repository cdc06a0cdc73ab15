//! Tokens out of a decoder: greedy, sampling and beam search, one step at a time.
//!
//! Everything here is host code over the trait [`Decoder`], with the semantics of
//! `transformers.generate` 5.23 for encoder-decoder models (`generation/utils.py`,
//! `generation/logits_process.py`). [`Generation`] is the loop; the rest are its parts.

mod decoder;
mod log_softmax;
mod options;
mod output;
mod processors;
mod search;
mod sequence;
mod stream;
#[cfg(test)]
mod tests;

pub use crate::compute::BestTokens;
pub use decoder::{Decoder, Logits, Scores};
pub use log_softmax::log_softmax;
pub use options::{
    EarlyStopping, GenerationOptions, MAX_NEW_TOKENS_LIMIT, NUM_BEAMS_LIMIT, OPTIONS, OptionKind,
    OptionSpec, Overrides,
};
pub use output::{FinishReason, GeneratedToken, Output, Sequence};
pub use search::Generation;
pub use stream::{Chunk, TextStream};
