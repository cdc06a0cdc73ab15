//! T5 1.1 / UL2 encoder-decoder, after `modeling_t5.py` and t5x's `examples/t5/network.py`.

mod attention;
mod block;
mod cache;
mod feed_forward;
mod relative_bias;
mod stack;

use crate::config::T5Config;
use crate::nn::{Embedding, Linear, MASKED, Place, Trace};
use burn::module::Module;
use burn::tensor::{Device, Int, Tensor, TensorData};
pub use cache::DecoderCache;
use stack::{Decoder, Encoder};

/// Embedding table, encoder, decoder and output head. Field names are the checkpoint's, but for the
/// `block.N.layer.M` level, which [`crate::checkpoint::names`] restores.
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

/// Which positions of a batch of sequences are real: `1` or, for padding, `0`; `[batch * length]`.
#[derive(Debug, Clone)]
pub struct AttentionMask {
    batch: usize,
    length: usize,
    real: Vec<bool>,
}

impl AttentionMask {
    /// From one row of flags for each sequence; rows must have the same length.
    pub fn new(rows: &[Vec<bool>]) -> Self {
        Self {
            batch: rows.len(),
            length: rows.first().map_or(0, Vec::len),
            real: rows.concat(),
        }
    }

    /// Puts `count` real positions in front of every row: the visual tokens.
    pub fn prepend(&self, count: usize) -> Self {
        let rows: Vec<Vec<bool>> = self
            .real
            .chunks(self.length.max(1))
            .map(|row| [vec![true; count], row.to_vec()].concat())
            .collect();
        Self::new(&rows)
    }

    /// `[batch, 1, 1, length]` to be added to scores, or `None` when nothing is masked.
    fn bias(&self, device: &Device) -> Option<Tensor<4>> {
        if self.real.iter().all(|&real| real) {
            return None;
        }
        let values: Vec<f32> = self
            .real
            .iter()
            .map(|&real| if real { 0.0 } else { MASKED })
            .collect();
        let shape = [self.batch, 1, 1, self.length];
        Some(Tensor::from_data(TensorData::new(values, shape), device))
    }
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

    /// `[batch, length]` ids → `[batch, length, d_model]`; T5 does not scale its embeddings.
    pub fn embed(&self, ids: Tensor<2, Int>) -> Tensor<3> {
        let [batch, length] = ids.dims();
        let rows = self.shared.forward(ids.reshape([batch * length]));
        let width = rows.dims()[1];
        rows.reshape([batch, length, width])
    }

    /// Encodes prompts, with embeddings from elsewhere (a picture's, projected) in front of each, if any.
    ///
    /// `in_front: [batch, positions, d_model]`, `input_ids: [batch, length]`, `mask` over `input_ids`. Returns the encoder's
    /// output `[batch, positions + length, d_model]` and the mask over it.
    pub fn encode_prompts(
        &self,
        in_front: Option<Tensor<3>>,
        input_ids: Tensor<2, Int>,
        mask: &AttentionMask,
        trace: &Trace,
    ) -> (Tensor<3>, AttentionMask) {
        let text = self.embed(input_ids);
        let (embeds, mask) = match in_front {
            Some(given) => {
                let mask = mask.prepend(given.dims()[1]);
                (Tensor::cat(vec![given, text], 1), mask)
            }
            None => (text, mask.clone()),
        };
        trace.record(|| "encoder.inputs_embeds".into(), &embeds);
        let hidden_states = self.encode(embeds, &mask, trace);
        (hidden_states, mask)
    }

    /// `[batch, length, d_model]` → the same: the encoder's `last_hidden_state`.
    pub fn encode(&self, embeds: Tensor<3>, mask: &AttentionMask, trace: &Trace) -> Tensor<3> {
        let mask = mask.bias(&embeds.device());
        self.encoder.forward(embeds, mask, trace)
    }

    /// Teacher forcing: all decoder positions at once, `[batch, target]` ids → `[batch, target, vocab]` logits.
    pub fn decode(
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

    /// Caches for decoding token by token: cross-attention keys and values of this encoder output, and room for
    /// `max_length` tokens of self-attention.
    pub fn start_decoding(
        &self,
        encoder_hidden_states: Tensor<3>,
        mask: &AttentionMask,
        max_length: usize,
    ) -> DecoderCache {
        let mask = mask.bias(&encoder_hidden_states.device());
        self.decoder.start(encoder_hidden_states, mask, max_length)
    }

    /// One token for each row, `[rows]` ids → `[rows, vocab]` logits of the next one.
    pub fn decode_step(&self, ids: Tensor<1, Int>, cache: &mut DecoderCache) -> Tensor<2> {
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
