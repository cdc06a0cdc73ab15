//! Pre-norm transformer blocks.

use crate::config::SiglipVisionConfig;
use crate::nn::{Activation, LayerNorm, Linear, Place, Trace, attend, merge_heads, split_heads};
use burn::module::Module;
use burn::tensor::Tensor;

#[derive(Module, Debug)]
pub(super) struct Encoder {
    layers: Vec<EncoderLayer>,
}

impl Encoder {
    pub(super) fn new(config: &SiglipVisionConfig, place: &Place) -> Self {
        let layers = (0..config.num_hidden_layers)
            .map(|_| EncoderLayer::new(config, place))
            .collect();
        Self { layers }
    }

    /// `[batch, tokens, hidden]` → the same
    pub(super) fn forward(&self, mut hidden_states: Tensor<3>, trace: &Trace) -> Tensor<3> {
        for (i, layer) in self.layers.iter().enumerate() {
            hidden_states = layer.forward(hidden_states, i, trace);
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
    fn new(config: &SiglipVisionConfig, place: &Place) -> Self {
        let norm = || LayerNorm::new(config.hidden_size, config.layer_norm_eps, &place.device);
        Self {
            layer_norm1: norm(),
            self_attn: Attention::new(config, place),
            layer_norm2: norm(),
            mlp: Mlp::new(config, place),
        }
    }

    fn forward(&self, x: Tensor<3>, i: usize, trace: &Trace) -> Tensor<3> {
        let y = self.self_attn.forward(self.layer_norm1.forward(x.clone()));
        trace.record(|| format!("vision.layers.{i}.self_attn"), &y);
        let x = x + y;
        let y = self.mlp.forward(self.layer_norm2.forward(x.clone()));
        trace.record(|| format!("vision.layers.{i}.mlp"), &y);
        let x = x + y;
        trace.record(|| format!("vision.layers.{i}"), &x);
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
    fn new(config: &SiglipVisionConfig, place: &Place) -> Self {
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

    fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let q = split_heads(self.q_proj.forward(x.clone()), self.num_heads);
        let k = split_heads(self.k_proj.forward(x.clone()), self.num_heads);
        let v = split_heads(self.v_proj.forward(x), self.num_heads);
        let scale = (q.dims()[3] as f64).powf(-0.5);
        self.out_proj
            .forward(merge_heads(attend(q, k, v, None, scale)))
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
    pub(super) fn new(config: &SiglipVisionConfig, place: &Place) -> Self {
        let (hidden, inner) = (config.hidden_size, config.intermediate_size);
        Self {
            fc1: Linear::new(hidden, inner, true, (hidden as f64).powf(-0.5), place),
            fc2: Linear::new(inner, hidden, true, (inner as f64).powf(-0.5), place),
            activation: config.hidden_act.into(),
        }
    }

    pub(super) fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        self.fc2
            .forward(self.activation.forward(self.fc1.forward(x)))
    }
}
