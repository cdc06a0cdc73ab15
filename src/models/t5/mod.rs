//! T5 1.1 / UL2 encoder-decoder, after `modeling_t5.py` and t5x's `examples/t5/network.py`.

mod attention;
mod block;
mod block_trace;
mod cache;
mod config;
mod family;
mod feed_forward;
mod incremental;
pub mod names;
mod relative_bias;
mod stack;

use super::{AttentionMask, EncoderDecoder, IncrementalDecoder};
use crate::nn::{Embedding, Linear, Place, Trace};
use burn::module::Module;
use burn::tensor::{Int, Tensor};
use cache::DecoderCache;
pub use config::{FeedForwardProj, T5Config};
pub use family::{FAMILY, T5ModelConfig};
pub(super) use family::{check_max_prompt_tokens, default_max_prompt_tokens};
use incremental::T5Incremental;
use stack::{Decoder, Encoder};

/// Embedding table, encoder, decoder and output head. Field names are the checkpoint's, but for the
/// `block.N.layer.M` level, which [`names`] restores.
#[derive(Module, Debug)]
pub struct T5Model {
    shared: Embedding,
    encoder: Encoder,
    decoder: Decoder,
    /// `None`: the embedding table is the head.
    lm_head: Option<Linear>,
    #[module(skip)]
    output_scale: Option<f64>,
}

impl T5Model {
    /// A model whose parameters wait for a checkpoint, or are drawn at random when first used.
    ///
    /// `separate_head`: whether the output head is a matrix of its own; see [`T5Config::separate_head`].
    pub fn new(config: &T5Config, separate_head: bool, place: &Place) -> Self {
        let (vocab, d_model) = (config.vocab_size, config.d_model);
        // A head at standard deviation 1 starts with a loss near 18 and learns nothing for long.
        let head_std = (d_model as f64).powf(-0.5);
        Self {
            shared: Embedding::new(vocab, d_model, 1.0, place),
            encoder: Encoder::new(config, place),
            decoder: Decoder::new(config, place),
            lm_head: separate_head.then(|| Linear::new(d_model, vocab, false, head_std, place)),
            output_scale: config.scale_outputs().then(|| (d_model as f64).powf(-0.5)),
        }
    }

    /// Rows of the embedding table; every id has to be below it.
    pub fn vocab_size(&self) -> usize {
        self.shared.entries()
    }

    /// One token for each row, `[rows]` ids → `[rows, vocab]` logits of the next one.
    fn decode_step(&self, ids: Tensor<1, Int>, cache: &mut DecoderCache) -> Tensor<2> {
        let [rows] = ids.dims();
        let embeds = self.embed(ids.reshape([rows, 1]));
        let hidden_states = self.decoder.step(embeds, cache);
        self.logits(hidden_states).squeeze_dim(1)
    }

    fn logits(&self, hidden_states: Tensor<3>) -> Tensor<3> {
        let hidden_states = match self.output_scale {
            Some(scale) => hidden_states.mul_scalar(scale),
            None => hidden_states,
        };
        match &self.lm_head {
            Some(head) => head.forward(hidden_states),
            None => self.shared.scores(hidden_states),
        }
    }
}

impl EncoderDecoder for T5Model {
    /// T5 does not scale its embeddings.
    fn embed(&self, ids: Tensor<2, Int>) -> Tensor<3> {
        let [batch, length] = ids.dims();
        let rows = self.shared.forward(ids.reshape([batch * length]));
        let width = rows.dims()[1];
        rows.reshape([batch, length, width])
    }

    fn encode(&self, embeds: Tensor<3>, mask: &AttentionMask, trace: &Trace) -> Tensor<3> {
        let mask = mask.bias(&embeds.device());
        self.encoder.forward(embeds, mask, trace)
    }

    fn decode(
        &self,
        decoder_input_ids: Tensor<2, Int>,
        encoder_hidden_states: Tensor<3>,
        mask: &AttentionMask,
        trace: &Trace,
    ) -> Tensor<3> {
        let mask = mask.bias(&encoder_hidden_states.device());
        let embeds = self.embed(decoder_input_ids);
        let hidden_states = self
            .decoder
            .forward(embeds, encoder_hidden_states, mask, trace);
        let logits = self.logits(hidden_states);
        trace.record(|| "logits".into(), &logits);
        logits
    }

    fn start_decoding(
        &self,
        encoder_hidden_states: Tensor<3>,
        mask: &AttentionMask,
        max_length: usize,
    ) -> Box<dyn IncrementalDecoder> {
        let mask = mask.bias(&encoder_hidden_states.device());
        let cache = self.decoder.start(encoder_hidden_states, mask, max_length);
        Box::new(T5Incremental {
            model: self.clone(),
            cache,
        })
    }
}
