//! What generation gives back, token by token and at the end.

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

/// One generated token, and the text that can be shown once it is there.
#[derive(Debug, Clone, PartialEq)]
pub struct GeneratedToken {
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
    /// Log-probability of each token, as in [`GeneratedToken::logprob`].
    pub logprobs: Vec<f32>,
    /// The tokens' texts put together; ends before a stop string.
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
