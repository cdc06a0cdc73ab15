//! What generation gives back, token by token and at the end.

use std::collections::VecDeque;

use super::options::GenerationOptions;
use super::stream::TextStream;
use crate::error::Result;

/// Why a sequence ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinishReason {
    /// The model gave the end-of-sequence token.
    Eos,
    /// A stop string came.
    Stop,
    /// `max_new_tokens` were generated.
    Length,
}

impl FinishReason {
    /// `"eos"`, `"stop"` or `"length"`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Eos => "eos",
            Self::Stop => "stop",
            Self::Length => "length",
        }
    }
}

/// One generated token and the text that can be shown with it.
#[derive(Debug, Clone, PartialEq)]
pub struct Piece {
    /// Sequence that it belongs to: an index into [`Output::sequences`].
    pub sequence: usize,
    /// The token.
    pub token_id: u32,
    /// Its log-probability: the log-softmax of the model's raw logits, before any option changes them.
    pub logprob: f32,
    /// Text; empty while the token's characters are incomplete or may turn into a stop string.
    pub text: String,
}

/// A finished sequence.
#[derive(Debug, Clone, PartialEq)]
pub struct Sequence {
    /// Generated tokens, the end-of-sequence token included, the start token not.
    pub token_ids: Vec<u32>,
    /// Log-probability of each token, as in [`Piece::logprob`].
    pub logprobs: Vec<f32>,
    /// The pieces' texts put together; ends before a stop string.
    pub text: String,
    /// Greedy and sampling: the sum of `logprobs`. Beams: HF's `sequences_scores`, the sum of the log-probabilities
    /// *after* repetition penalty and bans, divided by number of tokens ^ `length_penalty`.
    pub score: f32,
    /// Why it ended.
    pub finish_reason: FinishReason,
}

/// All finished sequences, those of one batch item together, beams best first.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Output {
    /// Sequence `k` of batch item `i` is at `i * num_return_sequences + k`.
    pub sequences: Vec<Sequence>,
}

/// Where pieces and finished sequences are put.
#[derive(Debug, Default)]
pub(super) struct Results {
    pub(super) ready: VecDeque<Piece>,
    pub(super) finished: Vec<Option<Sequence>>,
}

/// A sequence that grows token by token.
#[derive(Debug)]
pub(super) struct Track {
    /// Index into [`Output::sequences`].
    pub(super) sequence: usize,
    /// With the start token.
    pub(super) decoder_ids: Vec<u32>,
    pub(super) logprobs: Vec<f32>,
    stream: TextStream,
    text: String,
}

impl Track {
    pub(super) fn new(sequence: usize, options: &GenerationOptions) -> Self {
        Self {
            sequence,
            decoder_ids: vec![options.decoder_start_token_id],
            logprobs: Vec::new(),
            stream: TextStream::new(&options.stop),
            text: String::new(),
        }
    }

    /// Adds a token; `ending` says that it is the last. Returns why the sequence has ended: a stop string ends it too.
    pub(super) fn push(
        &mut self,
        token_id: u32,
        logprob: f32,
        ending: Option<FinishReason>,
        decode: &dyn Fn(&[u32]) -> Result<String>,
        results: &mut Results,
    ) -> Result<Option<FinishReason>> {
        self.decoder_ids.push(token_id);
        self.logprobs.push(logprob);
        let text = decode(&self.decoder_ids[1..])?;
        let chunk = self.stream.push(&text, ending.is_some());
        self.text.push_str(&chunk.text);
        results.ready.push_back(Piece {
            sequence: self.sequence,
            token_id,
            logprob,
            text: chunk.text,
        });
        Ok(if chunk.stopped {
            Some(FinishReason::Stop)
        } else {
            ending
        })
    }

    pub(super) fn finish(self, score: f32, finish_reason: FinishReason, results: &mut Results) {
        let slot = self.sequence;
        results.finished[slot] = Some(Sequence {
            token_ids: self.decoder_ids[1..].to_vec(),
            logprobs: self.logprobs,
            text: self.text,
            score,
            finish_reason,
        });
    }
}
