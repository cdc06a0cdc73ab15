//! Multi-head attention without its projections.

use crate::kernels::dense::{times, times_transposed};
use crate::kernels::softmax;
use burn::tensor::{Tensor, s};
use std::ops::Range;

/// Added to the score of a position that must not be seen. Finite, so that a row in which everything is masked
/// gives an average and not NaN, and small enough that adding a position bias to it does not overflow.
pub(crate) const MASKED: f32 = -1e30;

/// Scores that are in memory at once, for all heads: 64 MB. 5,776 patches in 16 heads have half a billion of them,
/// more than a WebGPU buffer takes.
const SCORES: usize = 1 << 24;

/// What is added to the scores before the softmax.
#[derive(Clone)]
pub(crate) enum ScoreBias {
    /// `[1 or batch, 1 or heads, 1 or query, key]`
    Whole(Box<Tensor<4>>),
    /// Made for the query positions that are asked for, where all of it would be too large.
    Parts(PartsOfBias),
}

/// `[1 or batch, 1 or heads, length of the range, key]` for a range of query positions.
type PartsOfBias = std::rc::Rc<dyn Fn(Range<usize>) -> Tensor<4>>;

/// Whether that many scores are too many to be in memory at once.
pub(crate) fn too_many_scores(batch: usize, heads: usize, query: usize, key: usize) -> bool {
    batch * heads * query * key > SCORES
}

impl ScoreBias {
    fn part(&self, queries: Range<usize>) -> Tensor<4> {
        match self {
            ScoreBias::Whole(bias) if bias.dims()[2] == 1 => *bias.clone(),
            ScoreBias::Whole(bias) => bias.clone().slice(s![.., .., queries, ..]),
            ScoreBias::Parts(part) => part(queries),
        }
    }
}

impl From<Tensor<4>> for ScoreBias {
    fn from(bias: Tensor<4>) -> Self {
        ScoreBias::Whole(Box::new(bias))
    }
}

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
/// `q: [batch, heads, query, head_dim]`, `k, v: [batch, heads, key, head_dim]`. Where there are too many scores to be in
/// memory at once, the queries come in groups: each has its whole softmax, so that the result is the same.
pub(crate) fn attend(
    q: Tensor<4>,
    k: Tensor<4>,
    v: Tensor<4>,
    bias: Option<&ScoreBias>,
    scale: f64,
) -> Tensor<4> {
    let [batch, heads, query, _] = q.dims();
    let key = k.dims()[2];
    // Training keeps all scores for the gradients anyway.
    #[cfg(feature = "train")]
    if q.device().is_autodiff() {
        let bias = bias.map(|bias| bias.part(0..query));
        return attend_for_gradients(q, k, v, bias, scale);
    }
    in_groups(group(batch, heads, query, key), q, bias, |q, bias| {
        attend_at_once(q, k.clone(), v.clone(), bias, scale)
    })
}

/// How much [`attend`] takes of each value, mean over the heads: `[batch, 1, query, key]`.
pub(crate) fn mean_weights(
    q: Tensor<4>,
    k: Tensor<4>,
    bias: Option<&ScoreBias>,
    scale: f64,
) -> Tensor<4> {
    let [batch, heads, query, _] = q.dims();
    let group = group(batch, heads, query, k.dims()[2]);
    in_groups(group, q, bias, |q, bias| {
        weights(q, k.clone(), bias, scale).mean_dim(1)
    })
}

/// The same head by head: `[batch, heads, query, key]`.
pub(crate) fn weights_of_heads(
    q: Tensor<4>,
    k: Tensor<4>,
    bias: Option<&ScoreBias>,
    scale: f64,
) -> Tensor<4> {
    let bias = bias.map(|bias| bias.part(0..q.dims()[2]));
    weights(q, k, bias, scale)
}

/// Queries whose scores may be in memory at once.
fn group(batch: usize, heads: usize, query: usize, key: usize) -> usize {
    match too_many_scores(batch, heads, query, key) {
        true => (SCORES / (batch * heads * key)).max(1),
        false => query,
    }
}

/// `attend` for so many queries at a time.
fn in_groups(
    group: usize,
    q: Tensor<4>,
    bias: Option<&ScoreBias>,
    attend: impl Fn(Tensor<4>, Option<Tensor<4>>) -> Tensor<4>,
) -> Tensor<4> {
    let query = q.dims()[2];
    let part = |queries| bias.map(|bias| bias.part(queries));
    if group >= query {
        return attend(q, part(0..query));
    }
    let groups = (0..query).step_by(group).map(|start| {
        let queries = start..(start + group).min(query);
        let q = q.clone().slice(s![.., .., queries.clone(), ..]);
        attend(q, part(queries))
    });
    Tensor::cat(groups.collect(), 2)
}

fn attend_at_once(
    q: Tensor<4>,
    k: Tensor<4>,
    v: Tensor<4>,
    bias: Option<Tensor<4>>,
    scale: f64,
) -> Tensor<4> {
    let [batch, heads, query, _] = q.dims();
    let values = times(entries(weights(q, k, bias, scale)), entries(v));
    let width = values.dims()[2];
    values.reshape([batch, heads, query, width])
}

/// `softmax(scale · q kᵀ + bias)`: `[batch, heads, query, key]`
fn weights(q: Tensor<4>, k: Tensor<4>, bias: Option<Tensor<4>>, scale: f64) -> Tensor<4> {
    let [batch, heads, query, _] = q.dims();
    let key = k.dims()[2];
    let scores = times_transposed(entries(q), entries(k)).reshape([batch, heads, query, key]);
    softmax(scores, bias, scale)
}

/// `[batch, heads, tokens, width]` → `[batch * heads, tokens, width]`
fn entries(x: Tensor<4>) -> Tensor<3> {
    let [batch, heads, tokens, width] = x.dims();
    x.reshape([batch * heads, tokens, width])
}

/// The same for training, in fewer passes over the scores, forward and backward, than burn's own fallback takes: the
/// maximum is a constant to the gradient (a softmax does not change when all scores of a row are shifted), and the
/// division comes after the values are summed, where there is less to divide.
#[cfg(feature = "train")]
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

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, Distribution};

    fn random(shape: [usize; 4]) -> Tensor<4> {
        Tensor::random(shape, Distribution::Normal(0.0, 1.5), &Device::flex())
    }

    /// Queries, keys, values, and a bias in which one key is masked for every query.
    fn case() -> ([Tensor<4>; 3], Tensor<4>) {
        let qkv = [
            random([2, 3, 5, 4]),
            random([2, 3, 7, 4]),
            random([2, 3, 7, 4]),
        ];
        let bias = random([1, 3, 5, 7]).slice_fill([0..1, 0..3, 0..5, 2..3], MASKED);
        (qkv, bias)
    }

    fn largest_difference(a: Tensor<4>, b: Tensor<4>) -> f32 {
        (a - b).abs().max().into_scalar::<f32>()
    }

    #[test]
    fn groups_compute_the_same_attention() {
        let ([q, k, v], bias) = case();
        let whole = ScoreBias::from(bias.clone());
        let parts = ScoreBias::Parts(std::rc::Rc::new(move |queries| {
            bias.clone().slice(s![.., .., queries, ..])
        }));
        let row = ScoreBias::from(random([2, 1, 1, 7]));
        for bias in [None, Some(&whole), Some(&parts), Some(&row)] {
            let expected = attend(q.clone(), k.clone(), v.clone(), bias, 0.5);
            for group in [1, 2, 5] {
                let found = in_groups(group, q.clone(), bias, |q, bias| {
                    attend_at_once(q, k.clone(), v.clone(), bias, 0.5)
                });
                let difference = largest_difference(found, expected.clone());
                assert!(difference < 1e-6, "{group}: {difference}");
            }
        }
    }

    #[test]
    fn weights_are_what_the_values_are_weighed_with() {
        let ([q, k, v], bias) = case();
        let bias = ScoreBias::from(bias);
        let expected = attend(q.clone(), k.clone(), v.clone(), Some(&bias), 0.5);
        let heads = weights_of_heads(q.clone(), k.clone(), Some(&bias), 0.5);
        let found = times(entries(heads.clone()), entries(v)).reshape([2, 3, 5, 4]);
        assert!(largest_difference(found, expected) < 1e-6);
        let mean = mean_weights(q, k, Some(&bias), 0.5);
        assert_eq!(mean.dims(), [2, 1, 5, 7]);
        assert!(largest_difference(mean, heads.mean_dim(1)) < 1e-6);
    }

    #[test]
    #[cfg(feature = "train")]
    fn training_computes_the_same_attention() {
        let ([q, k, v], bias) = case();
        for (bias, scale) in [(Some(bias), 1.0), (None, 0.5)] {
            let whole = bias.clone().map(ScoreBias::from);
            let expected = attend(q.clone(), k.clone(), v.clone(), whole.as_ref(), scale);
            let lift = |x: &Tensor<4>| Tensor::from_inner(x.clone());
            let lifted = bias.as_ref().map(lift).map(ScoreBias::from);
            let found = attend(lift(&q), lift(&k), lift(&v), lifted.as_ref(), scale);
            let error = largest_difference(found.inner(), expected);
            assert!(error < 1e-5, "{error}");
        }
    }
}
