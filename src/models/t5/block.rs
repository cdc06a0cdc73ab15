//! One encoder or decoder block: every sub-layer is `x + f(norm(x))`.

use super::T5Config;
use super::attention::T5Attention;
use super::block_trace::BlockTrace;
use super::cache::LayerCache;
use super::feed_forward::FeedForward;
use crate::nn::{KeyValueCache, Place, RmsNorm, ScoreBias};
use burn::module::Module;
use burn::tensor::Tensor;

/// An attention sub-layer with its norm.
#[derive(Module, Debug)]
struct AttentionLayer {
    layer_norm: RmsNorm,
    attention: T5Attention,
}

/// A feed-forward sub-layer with its norm.
#[derive(Module, Debug)]
struct FeedForwardLayer {
    layer_norm: RmsNorm,
    dense: FeedForward,
}

#[derive(Module, Debug)]
pub(super) struct EncoderBlock {
    self_attention: AttentionLayer,
    feed_forward: FeedForwardLayer,
}

#[derive(Module, Debug)]
pub(super) struct DecoderBlock {
    self_attention: AttentionLayer,
    cross_attention: AttentionLayer,
    feed_forward: FeedForwardLayer,
}

fn norm(config: &T5Config, place: &Place) -> RmsNorm {
    RmsNorm::new(config.d_model, config.layer_norm_epsilon, &place.device)
}

impl AttentionLayer {
    fn new(config: &T5Config, place: &Place) -> Self {
        Self {
            layer_norm: norm(config, place),
            attention: T5Attention::new(config, place),
        }
    }
}

impl FeedForwardLayer {
    fn new(config: &T5Config, place: &Place) -> Self {
        Self {
            layer_norm: norm(config, place),
            dense: FeedForward::new(config, place),
        }
    }

    fn forward(&self, x: Tensor<3>, at: BlockTrace) -> Tensor<3> {
        let hidden = self.dense.hidden(self.layer_norm.forward(x.clone()));
        at.add(x, &self.dense.wo, hidden, "feed_forward")
    }
}

impl EncoderBlock {
    pub(super) fn new(config: &T5Config, place: &Place) -> Self {
        Self {
            self_attention: AttentionLayer::new(config, place),
            feed_forward: FeedForwardLayer::new(config, place),
        }
    }

    /// `x: [batch, length, d_model]`
    pub(super) fn forward(&self, x: Tensor<3>, bias: &ScoreBias, at: BlockTrace) -> Tensor<3> {
        let normed = self.self_attention.layer_norm.forward(x.clone());
        let attention = &self.self_attention.attention;
        let y = attention.forward(normed.clone(), normed, Some(bias));
        let x = at.add(x, &attention.o, y, "self_attention");
        at.done(self.feed_forward.forward(x, at))
    }
}

impl DecoderBlock {
    pub(super) fn new(config: &T5Config, place: &Place) -> Self {
        Self {
            self_attention: AttentionLayer::new(config, place),
            cross_attention: AttentionLayer::new(config, place),
            feed_forward: FeedForwardLayer::new(config, place),
        }
    }

    /// Room for `max_length` own keys and values, and those of the encoder's output.
    pub(super) fn start(&self, encoder_hidden_states: Tensor<3>, max_length: usize) -> LayerCache {
        let attention = &self.cross_attention.attention;
        let cross = attention.keys_values(encoder_hidden_states);
        LayerCache {
            own: KeyValueCache::new(max_length),
            // Every token's attention reads them: put in order once, here.
            cross: cross.contiguous(),
        }
    }

    /// All positions at once; `bias` holds the causal mask.
    pub(super) fn forward(
        &self,
        x: Tensor<3>,
        bias: &ScoreBias,
        encoder_hidden_states: Tensor<3>,
        encoder_mask: Option<&ScoreBias>,
        at: BlockTrace,
    ) -> Tensor<3> {
        self.run(
            x,
            |attention, x| attention.forward(x.clone(), x, Some(bias)),
            |attention, x| {
                attention.trace_weights(&x, &encoder_hidden_states, encoder_mask, &at);
                attention.forward(x, encoder_hidden_states, encoder_mask)
            },
            at,
        )
    }

    /// One position, the rest from the cache.
    pub(super) fn step(
        &self,
        x: Tensor<3>,
        bias: &ScoreBias,
        cache: &mut LayerCache,
        position: usize,
        encoder_mask: Option<&ScoreBias>,
        at: BlockTrace,
    ) -> Tensor<3> {
        let LayerCache { own, cross } = cache;
        self.run(
            x,
            |attention, x| attention.step_self(x, own, position, bias),
            |attention, x| attention.step_cross(x, cross, encoder_mask),
            at,
        )
    }

    fn run(
        &self,
        x: Tensor<3>,
        self_attention: impl FnOnce(&T5Attention, Tensor<3>) -> Tensor<3>,
        cross_attention: impl FnOnce(&T5Attention, Tensor<3>) -> Tensor<3>,
        at: BlockTrace,
    ) -> Tensor<3> {
        let layer = &self.self_attention;
        let y = self_attention(&layer.attention, layer.layer_norm.forward(x.clone()));
        let x = at.add(x, &layer.attention.o, y, "self_attention");
        let layer = &self.cross_attention;
        let y = cross_attention(&layer.attention, layer.layer_norm.forward(x.clone()));
        let x = at.add(x, &layer.attention.o, y, "cross_attention");
        at.done(self.feed_forward.forward(x, at))
    }
}
