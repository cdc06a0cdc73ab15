//! A sequence while it grows, and where its tokens go.

use std::collections::VecDeque;

use super::options::GenerationOptions;
use super::output::{FinishReason, GeneratedToken, Sequence};
use super::stream::TextStream;
use crate::error::Result;

/// Turns token ids, without the start token, into text.
pub(super) type Decode<'a> = &'a dyn Fn(&[u32]) -> Result<String>;

/// What a generation has given so far.
#[derive(Debug, Default)]
pub(super) struct Results {
    /// Tokens that the caller has not taken yet.
    pub(super) tokens: VecDeque<GeneratedToken>,
    /// By their place in the output.
    pub(super) finished: Vec<Option<Sequence>>,
}

/// A sequence that grows token by token.
#[derive(Debug)]
pub(super) struct RunningSequence {
    /// Index into [`Output::sequences`](super::output::Output::sequences).
    pub(super) sequence: usize,
    /// With the start token.
    pub(super) decoder_ids: Vec<u32>,
    pub(super) logprobs: Vec<f32>,
    stream: TextStream,
    text: String,
}

impl RunningSequence {
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
        decode: Decode,
        results: &mut Results,
    ) -> Result<Option<FinishReason>> {
        self.decoder_ids.push(token_id);
        self.logprobs.push(logprob);
        let text = decode(&self.decoder_ids[1..])?;
        let chunk = self.stream.push(&text, ending.is_some());
        self.text.push_str(&chunk.text);
        results.tokens.push_back(GeneratedToken {
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
