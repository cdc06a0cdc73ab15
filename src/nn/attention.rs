//! Multi-head attention without its projections.

use burn::tensor::{Tensor, module, ops::AttentionModuleOptions};

/// Added to the score of a position that must not be seen. Finite, so that a row in which everything is masked
/// gives an average and not NaN, and small enough that adding a position bias to it does not overflow.
pub(crate) const MASKED: f32 = -1e30;

/// `[batch, tokens, heads * head_dim]` → `[batch, heads, tokens, head_dim]`
pub(crate) fn split_heads(x: Tensor<3>, heads: usize) -> Tensor<4> {
    let [batch, tokens, width] = x.dims();
    x.reshape([batch, tokens, heads, width / heads])
        .swap_dims(1, 2)
}

/// `[batch, heads, tokens, head_dim]` → `[batch, tokens, heads * head_dim]`
pub(crate) fn merge_heads(x: Tensor<4>) -> Tensor<3> {
    let [batch, heads, tokens, head_dim] = x.dims();
    x.swap_dims(1, 2)
        .reshape([batch, tokens, heads * head_dim])
}

/// `softmax(scale · q kᵀ + bias) v`
///
/// `q: [batch, heads, query, head_dim]`, `k, v: [batch, heads, key, head_dim]`,
/// `bias: [1 or batch, 1 or heads, 1 or query, key]`.
pub(crate) fn attend(
    q: Tensor<4>,
    k: Tensor<4>,
    v: Tensor<4>,
    bias: Option<Tensor<4>>,
    scale: f64,
) -> Tensor<4> {
    let [batch, heads, query, _] = q.dims();
    let key = k.dims()[2];
    let bias = bias.map(|bias| bias.expand([batch, heads, query, key]));
    let options = AttentionModuleOptions {
        scale: Some(scale),
        ..Default::default()
    };
    module::attention(q, k, v, None, bias, options)
}
