//! T5 attention: no biases, no scaling by the head width; heads may be wider or narrower than the model. What it finds
//! still has to go through [`T5Attention::o`]: the block adds that to its residual stream.

use super::T5Config;
use super::block_trace::BlockTrace;
use crate::nn::{
    KeyValueCache, KeyValues, Linear, Place, ScoreBias, attend_merged, mean_weights, split_heads,
    weights_of_heads,
};
use burn::module::Module;
use burn::tensor::Tensor;

/// T5 leaves `1 / sqrt(d_kv)` out and starts the query projection that much smaller instead.
const SCALE: f64 = 1.0;

#[derive(Module, Debug)]
pub(super) struct T5Attention {
    q: Linear,
    k: Linear,
    v: Linear,
    pub(super) o: Linear,
    #[module(skip)]
    num_heads: usize,
    #[module(skip)]
    d_kv: usize,
}

impl T5Attention {
    pub(super) fn new(config: &T5Config, place: &Place) -> Self {
        let (d_model, inner) = (config.d_model, config.inner_dim());
        let std = (d_model as f64).powf(-0.5);
        let linear = |from, to, std| Linear::new(from, to, false, std, place);
        Self {
            q: linear(d_model, inner, std * (config.d_kv as f64).powf(-0.5)),
            k: linear(d_model, inner, std),
            v: linear(d_model, inner, std),
            o: linear(inner, d_model, (inner as f64).powf(-0.5)),
            num_heads: config.num_heads,
            d_kv: config.d_kv,
        }
    }

    /// `x: [batch, query, d_model]` looks at `context: [batch, key, d_model]`: `[batch, query, heads · d_kv]`, here and below.
    pub(super) fn forward(
        &self,
        x: Tensor<3>,
        context: Tensor<3>,
        bias: Option<&ScoreBias>,
    ) -> Tensor<3> {
        let seen = self.keys_values(context);
        self.attend(x, seen, bias)
    }

    /// Notes how much each query takes of each position of the context, for a trace that asks for it.
    pub(super) fn trace_weights(
        &self,
        x: &Tensor<3>,
        context: &Tensor<3>,
        bias: Option<&ScoreBias>,
        at: &BlockTrace,
    ) {
        let heads =
            |layer: &Linear, x: &Tensor<3>| split_heads(layer.forward(x.clone()), self.num_heads);
        let queries_keys = || (heads(&self.q, x), heads(&self.k, context));
        at.extra("cross_attention.weights", || {
            let (q, k) = queries_keys();
            weights_of_heads(q, k, bias, SCALE)
        });
        at.extra("cross_attention.mean_weights", || {
            let (q, k) = queries_keys();
            mean_weights(q, k, bias, SCALE)
        });
    }

    /// Of each position of the context.
    pub(super) fn keys_values(&self, context: Tensor<3>) -> KeyValues {
        let keys = split_heads(self.k.forward(context.clone()), self.num_heads);
        let values = split_heads(self.v.forward(context), self.num_heads);
        KeyValues::new(keys, values)
    }

    /// One new position for each row, `x: [rows, 1, d_model]`; its key and value join the cache.
    pub(super) fn step_self(
        &self,
        x: Tensor<3>,
        cache: &mut KeyValueCache,
        position: usize,
        bias: &ScoreBias,
    ) -> Tensor<3> {
        let d_kv = self.d_kv;
        if let Some(bias) = bias.whole()
            && cache.supports_attend(&x.device(), d_kv)
            && let Some(token) = Linear::forward_three([&self.q, &self.k, &self.v], &x)
        {
            return cache.attend(token, d_kv, position, bias, SCALE);
        }
        let seen = cache.push(self.keys_values(x.clone()), position);
        self.attend(x, seen, Some(bias))
    }

    /// One new position for each row, all rows of one prompt sharing its keys and values.
    ///
    /// The rows of a prompt (its beams) become query positions of one batch entry: nothing of the encoder's
    /// output is copied for them. Cross-attention has no position bias, so the order does not matter.
    pub(super) fn step_cross(
        &self,
        x: Tensor<3>,
        cross: &KeyValues,
        bias: Option<&ScoreBias>,
    ) -> Tensor<3> {
        let [rows, _, d_model] = x.dims();
        let prompts = cross.keys.dims()[0];
        let x = x.reshape([prompts, rows / prompts, d_model]);
        let y = self.attend(x, cross.clone(), bias);
        let inner = y.dims()[2];
        y.reshape([rows, 1, inner])
    }

    fn attend(&self, x: Tensor<3>, seen: KeyValues, bias: Option<&ScoreBias>) -> Tensor<3> {
        attend_merged(self.q.forward(x), seen, bias, SCALE)
    }
}
