//! `DenseReluDense`, which is rarely that.

use super::{FeedForwardProj, T5Config};
use crate::nn::{Activation, Linear, Place};
use burn::module::Module;
use burn::tensor::Tensor;

/// `wo(act(wi x))` or `wo(act(wi_0 x) * wi_1 x)`; exactly one of `wi` and (`wi_0`, `wi_1`) is there.
#[derive(Module, Debug)]
pub(super) struct FeedForward {
    wi: Option<Linear>,
    wi_0: Option<Linear>,
    wi_1: Option<Linear>,
    pub(super) wo: Linear,
    #[module(skip)]
    activation: Activation,
}

impl FeedForward {
    pub(super) fn new(config: &T5Config, place: &Place) -> Self {
        let (d_model, d_ff) = (config.d_model, config.d_ff);
        let up = || Linear::new(d_model, d_ff, false, (d_model as f64).powf(-0.5), place);
        let gated = config.feed_forward_proj.is_gated();
        Self {
            wi: (!gated).then(up),
            wi_0: gated.then(up),
            wi_1: gated.then(up),
            wo: Linear::new(d_ff, d_model, false, (d_ff as f64).powf(-0.5), place),
            activation: match config.feed_forward_proj {
                FeedForwardProj::Relu => Activation::Relu,
                FeedForwardProj::GatedGelu => Activation::GeluTanh,
                FeedForwardProj::GatedSilu => Activation::Silu,
            },
        }
    }

    /// What [`FeedForward::wo`] is for: `[batch, tokens, d_model]` → `[batch, tokens, d_ff]`
    pub(super) fn hidden(&self, x: Tensor<3>) -> Tensor<3> {
        match (&self.wi, &self.wi_0, &self.wi_1) {
            (Some(wi), ..) => self.activation.forward(wi.forward(x)),
            (None, Some(gate), Some(linear)) => {
                Linear::forward_gated([gate, linear], self.activation, x)
            }
            _ => unreachable!("a feed-forward layer has one input matrix or two"),
        }
    }
}
