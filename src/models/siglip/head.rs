//! The MAP head: one learned query looks at all tokens.

use super::encoder::{EncoderConfig, Mlp};
use crate::nn::{
    KeyValues, LayerNorm, Linear, Place, attend_merged, linear, random, split_heads, zeros,
};
use burn::module::{Module, Param};
use burn::tensor::Tensor;

/// torch's `nn.MultiheadAttention`, with its packed input projection.
#[derive(Module, Debug)]
struct PackedAttention {
    /// `[3 * hidden, hidden]`: query, key, value
    in_proj_weight: Param<Tensor<2>>,
    /// `[3 * hidden]`
    in_proj_bias: Param<Tensor<1>>,
    out_proj: Linear,
}

#[derive(Module, Debug)]
pub(super) struct AttentionPoolingHead {
    /// `[1, 1, hidden]`
    probe: Param<Tensor<3>>,
    attention: PackedAttention,
    layernorm: LayerNorm,
    mlp: Mlp,
    #[module(skip)]
    num_heads: usize,
}

impl AttentionPoolingHead {
    pub(super) fn new(config: &EncoderConfig, place: &Place) -> Self {
        let (hidden, device) = (config.hidden_size, &place.device);
        let std = (hidden as f64).powf(-0.5);
        Self {
            probe: random([1, 1, hidden], std, device),
            attention: PackedAttention {
                in_proj_weight: random([3 * hidden, hidden], std, device),
                in_proj_bias: zeros([3 * hidden], device),
                out_proj: Linear::new(hidden, hidden, true, std, place),
            },
            layernorm: config.norm(place),
            mlp: Mlp::new(config, place),
            num_heads: config.num_attention_heads,
        }
    }

    /// `[batch, tokens, hidden]` → `[batch, hidden]`. The probe itself is not added to what it found, and no norm follows.
    pub(super) fn forward(&self, hidden_states: Tensor<3>) -> Tensor<2> {
        let [batch, _, hidden] = hidden_states.dims();
        let project = |x: Tensor<3>, part: usize| {
            let rows = part * hidden..(part + 1) * hidden;
            let weight = self.attention.in_proj_weight.val().slice([rows.clone()]);
            let bias = self.attention.in_proj_bias.val().slice([rows]);
            linear(x, weight, Some(bias))
        };
        let q = project(self.probe.val().expand([batch, 1, hidden]), 0);
        let k = split_heads(project(hidden_states.clone(), 1), self.num_heads);
        let v = split_heads(project(hidden_states, 2), self.num_heads);
        let scale = (k.dims()[3] as f64).powf(-0.5);
        let pooled = attend_merged(q, KeyValues::new(k, v), None, scale);
        let pooled = self.attention.out_proj.forward(pooled);
        let normed = self.layernorm.forward(pooled.clone());
        (pooled + self.mlp.forward(normed)).squeeze_dim(1)
    }
}
