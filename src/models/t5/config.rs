//! `text_config`, or the whole `config.json` of a model without pictures: T5's keys and defaults, for T5 1.1, UL2, Flan and
//! their kin.

use crate::error::Result;
use crate::formats::json::Checker;
use crate::models::PromptConfig;
use serde::{Deserialize, Serialize};

/// The feed-forward layer of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FeedForwardProj {
    /// `wo(relu(wi x))`: the first T5.
    #[serde(rename = "relu")]
    Relu,
    /// `wo(gelu_tanh(wi_0 x) * wi_1 x)`: T5 1.1, Flan, mT5.
    #[serde(rename = "gated-gelu")]
    GatedGelu,
    /// `wo(silu(wi_0 x) * wi_1 x)`: UL2.
    #[serde(rename = "gated-silu")]
    GatedSilu,
}

impl FeedForwardProj {
    /// Whether the layer has two input matrices, one gating the other.
    pub fn is_gated(self) -> bool {
        self != FeedForwardProj::Relu
    }
}

/// Shape of a T5 encoder-decoder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct T5Config {
    /// Rows of the embedding table.
    pub vocab_size: usize,
    /// Width of the residual stream.
    pub d_model: usize,
    /// Width of one attention head; `num_heads * d_kv` may differ from `d_model`.
    pub d_kv: usize,
    /// Width inside the feed-forward layer.
    pub d_ff: usize,
    /// Encoder blocks.
    pub num_layers: usize,
    /// Decoder blocks; as many as the encoder has when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub num_decoder_layers: Option<usize>,
    /// Attention heads.
    pub num_heads: usize,
    /// Buckets of the relative position bias.
    pub relative_attention_num_buckets: usize,
    /// Distance from which all positions share the last bucket.
    pub relative_attention_max_distance: usize,
    /// Epsilon of every RMS norm.
    pub layer_norm_epsilon: f64,
    /// Kind of feed-forward layer.
    pub feed_forward_proj: FeedForwardProj,
    /// Whether the output head is the embedding table. See [`T5Config::scale_outputs`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tie_word_embeddings: Option<bool>,
    /// Whether the decoder's output is scaled by `d_model^-0.5`; written by transformers 5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale_decoder_outputs: Option<bool>,
    /// Id that pads batches.
    pub pad_token_id: u32,
    /// Id that ends a text.
    pub eos_token_id: u32,
    /// Id that the decoder starts from; the one that pads when left out. See [`T5Config::decoder_start`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decoder_start_token_id: Option<u32>,
}

impl Default for T5Config {
    fn default() -> Self {
        Self {
            vocab_size: 32128,
            d_model: 512,
            d_kv: 64,
            d_ff: 2048,
            num_layers: 6,
            num_decoder_layers: None,
            num_heads: 8,
            relative_attention_num_buckets: 32,
            relative_attention_max_distance: 128,
            layer_norm_epsilon: 1e-6,
            feed_forward_proj: FeedForwardProj::Relu,
            tie_word_embeddings: None,
            scale_decoder_outputs: None,
            pad_token_id: 0,
            eos_token_id: 1,
            decoder_start_token_id: None,
        }
    }
}

impl T5Config {
    /// Decoder blocks.
    pub fn decoder_layers(&self) -> usize {
        self.num_decoder_layers.unwrap_or(self.num_layers)
    }

    /// Id that the decoder starts from.
    pub fn decoder_start(&self) -> u32 {
        self.decoder_start_token_id.unwrap_or(self.pad_token_id)
    }

    /// Token ids and the longest prompt, for a folder with that limit.
    pub(in crate::models) fn prompts(&self, max_prompt_tokens: usize) -> PromptConfig {
        PromptConfig {
            decoder_start_token_id: self.decoder_start(),
            eos_token_id: self.eos_token_id,
            pad_token_id: self.pad_token_id,
            max_prompt_tokens,
        }
    }

    /// Width of all heads together.
    pub fn inner_dim(&self) -> usize {
        self.num_heads * self.d_kv
    }

    /// Whether the configuration asks for the embedding table as output head (T5's default).
    pub fn tied(&self) -> bool {
        self.tie_word_embeddings.unwrap_or(true)
    }

    /// Whether the output head is a matrix of its own. `stored`: whether the checkpoint holds one, which counts for more than
    /// the configuration: transformers 5 writes `tie_word_embeddings: true` for untied models too.
    pub fn separate_head(&self, stored: bool) -> bool {
        stored || !self.tied()
    }

    /// Whether logits come from outputs scaled by `d_model^-0.5`.
    ///
    /// `scale_decoder_outputs` wins where it is written (transformers 5 writes it, and then always
    /// `tie_word_embeddings: true`); else tied models scale and untied ones do not.
    pub fn scale_outputs(&self) -> bool {
        self.scale_decoder_outputs.unwrap_or(self.tied())
    }

    /// # Errors
    /// [`crate::Error::UnsupportedModel`] for a size that no model can have.
    pub fn validate(&self, file: &str, prefix: &str) -> Result<()> {
        let check = Checker::new(file, prefix);
        check.sizes([
            ("vocab_size", self.vocab_size),
            ("d_model", self.d_model),
            ("d_kv", self.d_kv),
            ("d_ff", self.d_ff),
            ("num_layers", self.num_layers),
            ("num_decoder_layers", self.decoder_layers()),
            ("num_heads", self.num_heads),
        ])?;
        // A browser's `usize` has 32 bits.
        let inner = self.num_heads.checked_mul(self.d_kv);
        let fits = inner.is_some_and(|inner| u32::try_from(inner).is_ok());
        check.require(
            fits,
            "num_heads",
            "fewer heads of that d_kv",
            self.num_heads,
        )?;
        // The buckets are halved twice (direction, then exact against logarithmic).
        let buckets = self.relative_attention_num_buckets;
        check.require(
            buckets >= 4 && buckets.is_multiple_of(4),
            "relative_attention_num_buckets",
            "a multiple of 4",
            buckets,
        )?;
        let distance = self.relative_attention_max_distance;
        check.require(
            distance > buckets / 2,
            "relative_attention_max_distance",
            format!("more than half the buckets ({})", buckets / 2),
            distance,
        )?;
        check.ids(
            self.vocab_size,
            [
                ("pad_token_id", self.pad_token_id),
                ("eos_token_id", self.eos_token_id),
                ("decoder_start_token_id", self.decoder_start()),
            ],
        )
    }
}
