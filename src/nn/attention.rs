//! Multi-head attention without its projections.

use crate::compute::dense::{matmul, matmul_transposed};
use crate::compute::{attend_few, attend_many, contiguous, softmax};
use burn::tensor::{Tensor, s};
use std::ops::Range;

/// Added to the score of a position that must not be seen. Finite, so that a row in which everything is masked
/// gives an average and not NaN, and small enough that adding a position bias to it does not overflow.
pub(crate) const MASKED: f32 = -1e30;

/// Scores that are in memory at once, for all heads: 64 MB. 5,776 patches in 16 heads have half a billion of them,
/// more than a WebGPU buffer takes. The processor's kernel has those of a few queries.
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
    /// All of it, if it is there.
    pub(crate) fn whole(&self) -> Option<&Tensor<4>> {
        match self {
            ScoreBias::Whole(bias) => Some(bias),
            ScoreBias::Parts(_) => None,
        }
    }

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
fn merge_heads(x: Tensor<4>) -> Tensor<3> {
    let [batch, heads, tokens, head_dim] = x.dims();
    x.swap_dims(1, 2).reshape([batch, tokens, heads * head_dim])
}

/// Keys and values of tokens, what a query looks at.
#[derive(Debug, Clone)]
pub(crate) struct KeyValues {
    /// `[batch, heads, length or more, head_dim]`
    pub(crate) keys: Tensor<4>,
    /// `[batch, heads, length or more, head_dim]`
    pub(crate) values: Tensor<4>,
    /// How many tokens are seen; behind them there may be room for others.
    pub(crate) length: usize,
}

impl KeyValues {
    /// All tokens of `keys` and `values`, `[batch, heads, length, head_dim]`.
    pub(crate) fn new(keys: Tensor<4>, values: Tensor<4>) -> Self {
        let length = keys.dims()[2];
        Self {
            keys,
            values,
            length,
        }
    }

    /// The same with its numbers in order, for what is read again and again.
    pub(crate) fn contiguous(self) -> Self {
        Self {
            keys: contiguous(self.keys),
            values: contiguous(self.values),
            ..self
        }
    }
}

/// `softmax(scale · q kᵀ + bias) v`
///
/// `q: [batch, heads, query, head_dim]` → the same. Where there are too many scores to be in
/// memory at once, the queries come in groups: each has its whole softmax, so that the result is the same.
fn attend(q: Tensor<4>, seen: KeyValues, bias: Option<&ScoreBias>, scale: f64) -> Tensor<4> {
    let [batch, heads, query, _] = q.dims();
    // Training keeps all scores for the gradients anyway.
    #[cfg(feature = "train")]
    if q.device().is_autodiff() {
        let bias = bias.map(|bias| bias.part(0..query));
        return attend_for_gradients(q, seen, bias, scale);
    }
    let group = group(batch, heads, query, seen.length);
    in_groups(group, q, bias, |q, bias| {
        attend_at_once(q, seen.clone(), bias, scale)
    })
}

/// [`attend`] without the heads' split before and their merging after it: `q: [batch, query, heads · head_dim]` → the same.
pub(crate) fn attend_merged(
    q: Tensor<3>,
    seen: KeyValues,
    bias: Option<&ScoreBias>,
    scale: f64,
) -> Tensor<3> {
    let [_, heads, _, _] = seen.keys.dims();
    let both = [&seen.keys, &seen.values];
    let whole = || bias.map(|bias| bias.part(0..q.dims()[1]));
    if let Some(y) = attend_few(&q, both, seen.length, whole, scale) {
        return y;
    }
    merge_heads(attend(split_heads(q, heads), seen, bias, scale))
}

/// How much [`attend`] takes of each value, mean over the heads: `[batch, 1, query, key]`.
pub(crate) fn mean_weights(
    q: Tensor<4>,
    k: Tensor<4>,
    bias: Option<&ScoreBias>,
    scale: f64,
) -> Tensor<4> {
    let [batch, heads, query, _] = q.dims();
    let length = k.dims()[2];
    let group = group(batch, heads, query, length);
    in_groups(group, q, bias, |q, bias| {
        weights(q, k.clone(), length, bias, scale).mean_dim(1)
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
    let length = k.dims()[2];
    weights(q, k, length, bias, scale)
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

fn attend_at_once(q: Tensor<4>, seen: KeyValues, bias: Option<Tensor<4>>, scale: f64) -> Tensor<4> {
    let both = [&seen.keys, &seen.values];
    if let Some(y) = attend_many(&q, both, seen.length, bias.as_ref(), scale) {
        return y;
    }
    let [batch, heads, query, _] = q.dims();
    let weights = weights(q, seen.keys, seen.length, bias, scale);
    let values = matmul(entries(weights), entries(seen.values));
    let width = values.dims()[2];
    values.reshape([batch, heads, query, width])
}

/// `softmax(scale · q kᵀ + bias)`: `[batch, heads, query, length]`
fn weights(
    q: Tensor<4>,
    k: Tensor<4>,
    length: usize,
    bias: Option<Tensor<4>>,
    scale: f64,
) -> Tensor<4> {
    let [batch, heads, query, _] = q.dims();
    let scores = matmul_transposed(entries(q), entries(k), length);
    let scores = scores.reshape([batch, heads, query, length]);
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
    seen: KeyValues,
    bias: Option<Tensor<4>>,
    scale: f64,
) -> Tensor<4> {
    // Nothing that trains has room for more.
    let KeyValues { keys, values, .. } = seen;
    let q = if scale == 1.0 { q } else { q.mul_scalar(scale) };
    let scores = q.matmul(keys.swap_dims(2, 3));
    let scores = match bias {
        Some(bias) => scores + bias,
        None => scores,
    };
    let largest = Tensor::from_inner(scores.clone().inner().max_dim(3));
    let weights = (scores - largest).exp();
    let total = weights.clone().sum_dim(3);
    weights.matmul(values) / total
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, TensorData};
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64Mcg;

    /// The same at every run, and bounded: the differences allowed here are a few roundings of such values.
    fn random(seed: u64, shape: [usize; 4]) -> Tensor<4> {
        let mut rng = Pcg64Mcg::seed_from_u64(seed);
        let count = shape.iter().product();
        let values: Vec<f32> = (0..count).map(|_| rng.random_range(-2.5..2.5)).collect();
        Tensor::from_data(TensorData::new(values, shape), &Device::flex())
    }

    /// Queries, keys and values, and a bias in which one key is masked for every query.
    fn case() -> (Tensor<4>, KeyValues, Tensor<4>) {
        let seen = KeyValues::new(random(1, [2, 3, 7, 4]), random(2, [2, 3, 7, 4]));
        let bias = random(3, [1, 3, 5, 7]).slice_fill([0..1, 0..3, 0..5, 2..3], MASKED);
        (random(4, [2, 3, 5, 4]), seen, bias)
    }

    fn largest_difference(a: Tensor<4>, b: Tensor<4>) -> f32 {
        (a - b).abs().max().into_scalar::<f32>()
    }

    #[test]
    fn groups_compute_the_same_attention() {
        let (q, seen, bias) = case();
        let whole = ScoreBias::from(bias.clone());
        let parts = ScoreBias::Parts(std::rc::Rc::new(move |queries| {
            bias.clone().slice(s![.., .., queries, ..])
        }));
        let row = ScoreBias::from(random(5, [2, 1, 1, 7]));
        for bias in [None, Some(&whole), Some(&parts), Some(&row)] {
            let expected = attend(q.clone(), seen.clone(), bias, 0.5);
            for group in [1, 2, 5] {
                let found = in_groups(group, q.clone(), bias, |q, bias| {
                    attend_at_once(q, seen.clone(), bias, 0.5)
                });
                let difference = largest_difference(found, expected.clone());
                assert!(difference < 1e-6, "{group}: {difference}");
            }
        }
    }

    #[test]
    fn weights_are_what_the_values_are_weighed_with() {
        let (q, seen, bias) = case();
        let bias = ScoreBias::from(bias);
        let expected = attend(q.clone(), seen.clone(), Some(&bias), 0.5);
        let heads = weights_of_heads(q.clone(), seen.keys.clone(), Some(&bias), 0.5);
        let found = matmul(entries(heads.clone()), entries(seen.values)).reshape([2, 3, 5, 4]);
        assert!(largest_difference(found, expected) < 1e-6);
        let mean = mean_weights(q, seen.keys, Some(&bias), 0.5);
        assert_eq!(mean.dims(), [2, 1, 5, 7]);
        assert!(largest_difference(mean, heads.mean_dim(1)) < 1e-6);
    }

    #[test]
    fn what_lies_behind_the_seen_tokens_is_not_read() {
        let (q, seen, bias) = case();
        let bias = ScoreBias::from(bias);
        let expected = attend(q.clone(), seen.clone(), Some(&bias), 0.5);
        let behind = || random(6, [2, 3, 2, 4]).mul_scalar(f32::NAN);
        let roomy = KeyValues {
            keys: Tensor::cat(vec![seen.keys, behind()], 2),
            values: Tensor::cat(vec![seen.values, behind()], 2),
            length: seen.length,
        };
        let found = attend(q, roomy, Some(&bias), 0.5);
        assert!(largest_difference(found, expected) < 1e-6);
    }

    #[test]
    #[cfg(feature = "train")]
    fn training_computes_the_same_attention() {
        let (q, seen, bias) = case();
        for (bias, scale) in [(Some(bias), 1.0), (None, 0.5)] {
            let whole = bias.clone().map(ScoreBias::from);
            let expected = attend(q.clone(), seen.clone(), whole.as_ref(), scale);
            let lift = |x: &Tensor<4>| Tensor::from_inner(x.clone());
            let lifted = bias.as_ref().map(lift).map(ScoreBias::from);
            let seen = KeyValues::new(lift(&seen.keys), lift(&seen.values));
            let found = attend(lift(&q), seen, lifted.as_ref(), scale);
            let error = largest_difference(found.inner(), expected);
            assert!(error < 1e-5, "{error}");
        }
    }
}
