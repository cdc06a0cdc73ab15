//! Pre-norm transformer blocks.

use super::{HiddenAct, SiglipTextConfig, SiglipVisionConfig};
use crate::nn::{
    Activation, KeyValues, LayerNorm, Linear, Place, Trace, attend_merged, split_heads,
};
use burn::module::Module;
use burn::tensor::Tensor;

/// What both towers' configurations say about their blocks.
pub(super) struct EncoderConfig {
    pub(super) hidden_size: usize,
    pub(super) intermediate_size: usize,
    pub(super) num_attention_heads: usize,
    num_hidden_layers: usize,
    pub(super) hidden_act: HiddenAct,
    pub(super) layer_norm_eps: f64,
}

impl From<&SiglipVisionConfig> for EncoderConfig {
    fn from(config: &SiglipVisionConfig) -> Self {
        Self {
            hidden_size: config.hidden_size,
            intermediate_size: config.intermediate_size,
            num_attention_heads: config.num_attention_heads,
            num_hidden_layers: config.num_hidden_layers,
            hidden_act: config.hidden_act,
            layer_norm_eps: config.layer_norm_eps,
        }
    }
}

impl From<&SiglipTextConfig> for EncoderConfig {
    fn from(config: &SiglipTextConfig) -> Self {
        Self {
            hidden_size: config.hidden_size,
            intermediate_size: config.intermediate_size,
            num_attention_heads: config.num_attention_heads,
            num_hidden_layers: config.num_hidden_layers,
            hidden_act: config.hidden_act,
            layer_norm_eps: config.layer_norm_eps,
        }
    }
}

impl EncoderConfig {
    pub(super) fn norm(&self, place: &Place) -> LayerNorm {
        LayerNorm::new(self.hidden_size, self.layer_norm_eps, &place.device)
    }
}

#[derive(Module, Debug)]
pub(super) struct Encoder {
    layers: Vec<EncoderLayer>,
}

impl Encoder {
    pub(super) fn new(config: &EncoderConfig, place: &Place) -> Self {
        let layers = (0..config.num_hidden_layers)
            .map(|_| EncoderLayer::new(config, place))
            .collect();
        Self { layers }
    }

    /// `[batch, tokens, hidden]` → the same; every token sees every other. `tower` is what a trace calls it.
    pub(super) fn forward(
        &self,
        mut hidden_states: Tensor<3>,
        tower: &str,
        trace: &Trace,
    ) -> Tensor<3> {
        for (i, layer) in self.layers.iter().enumerate() {
            let name = || format!("{tower}.layers.{i}");
            hidden_states = layer.forward(hidden_states, &name, trace);
        }
        hidden_states
    }
}

#[derive(Module, Debug)]
struct EncoderLayer {
    layer_norm1: LayerNorm,
    self_attn: Attention,
    layer_norm2: LayerNorm,
    mlp: Mlp,
}

impl EncoderLayer {
    fn new(config: &EncoderConfig, place: &Place) -> Self {
        Self {
            layer_norm1: config.norm(place),
            self_attn: Attention::new(config, place),
            layer_norm2: config.norm(place),
            mlp: Mlp::new(config, place),
        }
    }

    fn forward(&self, x: Tensor<3>, name: &dyn Fn() -> String, trace: &Trace) -> Tensor<3> {
        let y = self.self_attn.attend(self.layer_norm1.forward(x.clone()));
        let last = &self.self_attn.out_proj;
        let x = last.forward_residual_traced(y, x, trace, || name() + ".self_attn");
        let y = self.mlp.hidden(self.layer_norm2.forward(x.clone()));
        let x = self
            .mlp
            .fc2
            .forward_residual_traced(y, x, trace, || name() + ".mlp");
        trace.record(name, &x);
        x
    }
}

#[derive(Module, Debug)]
struct Attention {
    q_proj: Linear,
    k_proj: Linear,
    v_proj: Linear,
    out_proj: Linear,
    #[module(skip)]
    num_heads: usize,
}

impl Attention {
    fn new(config: &EncoderConfig, place: &Place) -> Self {
        let width = config.hidden_size;
        let linear = || Linear::new(width, width, true, (width as f64).powf(-0.5), place);
        Self {
            q_proj: linear(),
            k_proj: linear(),
            v_proj: linear(),
            out_proj: linear(),
            num_heads: config.num_attention_heads,
        }
    }

    /// All but the last projection.
    fn attend(&self, x: Tensor<3>) -> Tensor<3> {
        let q = self.q_proj.forward(x.clone());
        let k = split_heads(self.k_proj.forward(x.clone()), self.num_heads);
        let v = split_heads(self.v_proj.forward(x), self.num_heads);
        let scale = (k.dims()[3] as f64).powf(-0.5);
        attend_merged(q, KeyValues::new(k, v), None, scale)
    }
}

/// `fc2(act(fc1 x))`, in the blocks and in the pooling head.
#[derive(Module, Debug)]
pub(super) struct Mlp {
    fc1: Linear,
    fc2: Linear,
    #[module(skip)]
    activation: Activation,
}

impl Mlp {
    pub(super) fn new(config: &EncoderConfig, place: &Place) -> Self {
        let (hidden, inner) = (config.hidden_size, config.intermediate_size);
        Self {
            fc1: Linear::new(hidden, inner, true, (hidden as f64).powf(-0.5), place),
            fc2: Linear::new(inner, hidden, true, (inner as f64).powf(-0.5), place),
            activation: config.hidden_act.into(),
        }
    }

    pub(super) fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        self.fc2.forward(self.hidden(x))
    }

    /// All but the last projection.
    fn hidden<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        self.activation.forward(self.fc1.forward(x))
    }
}
