//! Encoder and decoder: position bias, blocks, final norm.

use super::T5Config;
use super::block::{DecoderBlock, EncoderBlock};
use super::block_trace::BlockTrace;
use super::cache::DecoderCache;
use super::relative_bias::RelativeAttentionBias;
use crate::nn::{MASKED, Place, RmsNorm, ScoreBias, Trace, too_many_scores};
use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use std::rc::Rc;

#[derive(Module, Debug)]
pub(super) struct Encoder {
    position_bias: RelativeAttentionBias,
    block: Vec<EncoderBlock>,
    final_layer_norm: RmsNorm,
}

#[derive(Module, Debug)]
pub(super) struct Decoder {
    position_bias: RelativeAttentionBias,
    block: Vec<DecoderBlock>,
    final_layer_norm: RmsNorm,
}

fn final_layer_norm(config: &T5Config, place: &Place) -> RmsNorm {
    RmsNorm::new(config.d_model, config.layer_norm_epsilon, &place.device)
}

impl Encoder {
    pub(super) fn new(config: &T5Config, place: &Place) -> Self {
        Self {
            position_bias: RelativeAttentionBias::new(config, true, &place.device),
            block: (0..config.num_layers)
                .map(|_| EncoderBlock::new(config, place))
                .collect(),
            final_layer_norm: final_layer_norm(config, place),
        }
    }

    /// `[batch, length, d_model]`, `mask: [batch, 1, 1, length]` → `[batch, length, d_model]`
    pub(super) fn forward(
        &self,
        embeds: Tensor<3>,
        mask: Option<Tensor<4>>,
        trace: &Trace,
    ) -> Tensor<3> {
        let bias = self.bias(embeds.dims(), mask, trace);
        let mut hidden_states = embeds;
        for (block, layer) in self.block.iter().enumerate() {
            let stack = "encoder";
            let at = BlockTrace {
                stack,
                block,
                trace,
            };
            hidden_states = layer.forward(hidden_states, &bias, at);
        }
        let hidden_states = self.final_layer_norm.forward(hidden_states);
        trace.record(|| "encoder.last_hidden_state".into(), &hidden_states);
        hidden_states
    }

    /// Position bias and padding mask, all of it or, for long inputs, to be made in parts.
    fn bias(&self, shape: [usize; 3], mask: Option<Tensor<4>>, trace: &Trace) -> ScoreBias {
        let [batch, length, _] = shape;
        let masked = move |bias: Tensor<4>| match &mask {
            Some(mask) => bias + mask.clone(),
            None => bias,
        };
        if too_many_scores(batch, self.position_bias.heads(), length, length) {
            let bias = self.position_bias.parts(length);
            return ScoreBias::Parts(Rc::new(move |queries| masked(bias(queries))));
        }
        let bias = self.position_bias.square(length);
        trace.record(|| "encoder.position_bias".into(), &bias);
        masked(bias).into()
    }
}

impl Decoder {
    pub(super) fn new(config: &T5Config, place: &Place) -> Self {
        Self {
            position_bias: RelativeAttentionBias::new(config, false, &place.device),
            block: (0..config.decoder_layers())
                .map(|_| DecoderBlock::new(config, place))
                .collect(),
            final_layer_norm: final_layer_norm(config, place),
        }
    }

    /// Teacher forcing: `[batch, target, d_model]` → `[batch, target, d_model]`
    pub(super) fn forward(
        &self,
        embeds: Tensor<3>,
        encoder_hidden_states: Tensor<3>,
        encoder_mask: Option<Tensor<4>>,
        trace: &Trace,
    ) -> Tensor<3> {
        let bias = self.position_bias.square(embeds.dims()[1]);
        trace.record(|| "decoder.position_bias".into(), &bias);
        let bias = ScoreBias::from(bias + causal_mask(embeds.dims()[1], &embeds.device()));
        let encoder_mask = encoder_mask.map(ScoreBias::from);
        let mut hidden_states = embeds;
        for (block, layer) in self.block.iter().enumerate() {
            let stack = "decoder";
            hidden_states = layer.forward(
                hidden_states,
                &bias,
                encoder_hidden_states.clone(),
                encoder_mask.as_ref(),
                BlockTrace {
                    stack,
                    block,
                    trace,
                },
            );
        }
        let hidden_states = self.final_layer_norm.forward(hidden_states);
        trace.record(|| "decoder.last_hidden_state".into(), &hidden_states);
        hidden_states
    }

    pub(super) fn start(
        &self,
        encoder_hidden_states: Tensor<3>,
        encoder_mask: Option<Tensor<4>>,
        max_length: usize,
    ) -> DecoderCache {
        let prompts = encoder_hidden_states.dims()[0];
        let layers = self
            .block
            .iter()
            .map(|block| block.start(encoder_hidden_states.clone(), max_length))
            .collect();
        let past_bias = self.position_bias.past(max_length);
        DecoderCache::new(layers, past_bias, encoder_mask, max_length, prompts)
    }

    /// `[rows, 1, d_model]` → `[rows, 1, d_model]`; the caller has seen that the cache has room.
    pub(super) fn step(&self, embeds: Tensor<3>, cache: &mut DecoderCache) -> Tensor<3> {
        let position = cache.position;
        let [_, heads, _, max_length] = cache.past_bias.dims();
        let seen = max_length - 1 - position..max_length;
        let bias = cache.past_bias.clone().slice([0..1, 0..heads, 0..1, seen]);
        let bias = ScoreBias::from(bias);
        let mask = cache.encoder_mask.clone().map(ScoreBias::from);
        let mut hidden_states = embeds;
        for (block, (layer, layer_cache)) in self.block.iter().zip(&mut cache.layers).enumerate() {
            let at = BlockTrace {
                stack: "decoder",
                block,
                trace: &Trace::off(),
            };
            let mask = mask.as_ref();
            hidden_states = layer.step(hidden_states, &bias, layer_cache, position, mask, at);
        }
        cache.position += 1;
        self.final_layer_norm.forward(hidden_states)
    }
}

/// `[1, 1, length, length]`: a query sees itself and what came before.
fn causal_mask(length: usize, device: &Device) -> Tensor<4> {
    let values: Vec<f32> = (0..length)
        .flat_map(|query| (0..length).map(move |key| if key > query { MASKED } else { 0.0 }))
        .collect();
    Tensor::from_data(TensorData::new(values, [1, 1, length, length]), device)
}
