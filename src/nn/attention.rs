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
    x.swap_dims(1, 2).reshape([batch, tokens, heads * head_dim])
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
    if q.device().is_autodiff() {
        return attend_for_gradients(q, k, v, bias, scale);
    }
    let [batch, heads, query, _] = q.dims();
    let key = k.dims()[2];
    let bias = bias.map(|bias| bias.expand([batch, heads, query, key]));
    let options = AttentionModuleOptions {
        scale: Some(scale),
        ..Default::default()
    };
    module::attention(q, k, v, None, bias, options)
}

/// The same for training, in fewer passes over the scores, forward and backward, than burn's own fallback takes: the
/// maximum is a constant to the gradient (a softmax does not change when all scores of a row are shifted), and the
/// division comes after the values are summed, where there is less to divide.
fn attend_for_gradients(
    q: Tensor<4>,
    k: Tensor<4>,
    v: Tensor<4>,
    bias: Option<Tensor<4>>,
    scale: f64,
) -> Tensor<4> {
    let q = if scale == 1.0 { q } else { q.mul_scalar(scale) };
    let scores = q.matmul(k.swap_dims(2, 3));
    let scores = match bias {
        Some(bias) => scores + bias,
        None => scores,
    };
    let largest = Tensor::from_inner(scores.clone().inner().max_dim(3));
    let weights = (scores - largest).exp();
    let total = weights.clone().sum_dim(3);
    weights.matmul(v) / total
}

#[cfg(all(test, feature = "train"))]
mod tests {
    use super::*;
    use burn::tensor::{Device, Distribution};

    #[test]
    fn training_computes_the_same_attention() {
        let plain = Device::flex();
        let random =
            |shape: [usize; 4]| Tensor::<4>::random(shape, Distribution::Normal(0.0, 1.5), &plain);
        let (q, k, v) = (
            random([2, 3, 5, 4]),
            random([2, 3, 7, 4]),
            random([2, 3, 7, 4]),
        );
        // One key is masked for every query.
        let bias = random([1, 3, 5, 7]).slice_fill([0..1, 0..3, 0..5, 2..3], MASKED);
        for (bias, scale) in [(Some(bias), 1.0), (None, 0.5)] {
            let expected = attend(q.clone(), k.clone(), v.clone(), bias.clone(), scale);
            let lift = |x: &Tensor<4>| Tensor::from_inner(x.clone());
            let found = attend(lift(&q), lift(&k), lift(&v), bias.as_ref().map(lift), scale);
            let error = (found.inner() - expected).abs().max().into_scalar::<f32>();
            assert!(error < 1e-5, "{error}");
        }
    }
}
