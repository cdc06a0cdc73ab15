//! T5's relative position bias. Buckets are computed on the host: distances 16, 32 and 64 sit exactly on bucket
//! edges, where a GPU's `log` may fall on either side.

use super::T5Config;
use crate::nn::Table;
use burn::module::Module;
use burn::tensor::{Device, Int, Tensor, TensorData, s};
use std::ops::Range;

/// One learned number for each head and bucket, shared by all layers of a stack.
#[derive(Module, Debug)]
pub(super) struct RelativeAttentionBias {
    /// `[buckets, heads]`
    relative_attention_bias: Table,
    #[module(skip)]
    buckets: Buckets,
}

#[derive(Debug, Clone, Copy)]
struct Buckets {
    bidirectional: bool,
    count: usize,
    max_distance: usize,
}

impl RelativeAttentionBias {
    pub(super) fn new(config: &T5Config, bidirectional: bool, device: &Device) -> Self {
        let (count, heads) = (config.relative_attention_num_buckets, config.num_heads);
        let std = (config.d_model as f64).powf(-0.5);
        Self {
            relative_attention_bias: Table::new(count, heads, std, device),
            buckets: Buckets {
                bidirectional,
                count,
                max_distance: config.relative_attention_max_distance,
            },
        }
    }

    /// Bias for all pairs of `length` positions: `[1, heads, length, length]`.
    pub(super) fn square(&self, length: usize) -> Tensor<4> {
        let position = |i: usize| i as i64;
        let relative = (0..length)
            .flat_map(|query| (0..length).map(move |key| position(key) - position(query)));
        let bias = self.look_up(relative); // [heads, length * length]
        let heads = bias.dims()[0];
        bias.reshape([1, heads, length, length])
    }

    /// Heads that the table is for.
    pub(super) fn heads(&self) -> usize {
        self.relative_attention_bias.value().dims()[1]
    }

    /// The same in parts, for ranges of query positions: `[1, heads, range, length]`. Only the bias of each
    /// distance is kept.
    pub(super) fn parts(&self, length: usize) -> impl Fn(Range<usize>) -> Tensor<4> + 'static {
        let farthest = length as i64 - 1;
        let by_distance = self.look_up(-farthest..=farthest); // [heads, 2 * length - 1]
        move |queries| {
            let heads = by_distance.dims()[0];
            let rows = queries.len();
            // Row `r` is the run of `length` distances that begins at `rows - 1 - r` of these: one matrix whose rows shift
            // by one. Copies of a row, read with a row's length that is one shorter, shift by themselves.
            let seen = s![.., length - queries.end..2 * length - 1 - queries.start];
            let seen = by_distance.clone().slice(seen); // [heads, length + rows - 1]
            let turned = Tensor::cat(
                vec![
                    seen.clone().slice(s![.., rows - 1..]),
                    Tensor::zeros([heads, 1], &seen.device()),
                    seen.slice(s![.., ..rows - 1]),
                ],
                1,
            );
            let width = length + rows;
            turned
                .reshape([heads, 1, width])
                .repeat_dim(1, rows)
                .reshape([heads, rows * width])
                .slice(s![.., ..rows * (width - 1)])
                .reshape([heads, rows, width - 1])
                .slice(s![.., .., ..length])
                .reshape([1, heads, rows, length])
        }
    }

    /// Bias of one query at the end of its past, for keys at distance `length - 1, …, 1, 0`: `[1, heads, 1, length]`.
    ///
    /// A decoding step at position `t` uses the last `t + 1` entries.
    pub(super) fn past(&self, length: usize) -> Tensor<4> {
        let bias = self.look_up((0..length).rev().map(|distance| -(distance as i64)));
        let heads = bias.dims()[0];
        bias.reshape([1, heads, 1, length])
    }

    /// `n` relative positions (key − query) → `[heads, n]`
    fn look_up(&self, relative: impl Iterator<Item = i64>) -> Tensor<2> {
        let ids: Vec<i32> = relative
            .map(|position| self.buckets.of(position) as i32)
            .collect();
        let table = self.relative_attention_bias.value();
        let count = ids.len();
        let ids = Tensor::<1, Int>::from_data(TensorData::new(ids, [count]), &table.device());
        table.select(0, ids).transpose()
    }
}

impl Buckets {
    /// Bucket of a relative position `key − query`.
    fn of(self, relative: i64) -> usize {
        let (count, base, distance) = if self.bidirectional {
            let half = self.count / 2;
            let base = if relative > 0 { half } else { 0 };
            (half, base, relative.unsigned_abs() as usize)
        } else {
            (self.count, 0, (-relative).max(0) as usize)
        };
        // The first half of the buckets holds one distance each, the rest grow logarithmically.
        let exact = count / 2;
        if distance < exact {
            return base + distance;
        }
        // The reference computes in f32; f64 gives the same buckets, edges included.
        let position = (distance as f64 / exact as f64).ln()
            / (self.max_distance as f64 / exact as f64).ln()
            * (count - exact) as f64;
        base + (exact + position as usize).min(count - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `T5Attention._relative_position_bucket` of transformers 5.23 for distances around every edge.
    #[test]
    fn parts_are_the_rows_of_the_square() {
        let config = T5Config {
            num_heads: 3,
            d_model: 12,
            ..Default::default()
        };
        let bias = RelativeAttentionBias::new(&config, true, &Device::flex());
        let square = bias.square(40);
        let parts = bias.parts(40);
        for queries in [0..1, 3..17, 39..40, 0..40] {
            let expected = square.clone().slice(s![.., .., queries.clone(), ..]);
            assert_eq!(
                parts(queries).into_data().try_to_vec::<f32>(),
                expected.into_data().try_to_vec::<f32>()
            );
        }
    }

    #[test]
    fn buckets_equal_the_reference() {
        let both = Buckets {
            bidirectional: true,
            count: 32,
            max_distance: 128,
        };
        let causal = Buckets {
            bidirectional: false,
            ..both
        };
        let positions = [
            -300i64, -128, -127, -64, -63, -32, -31, -16, -15, -8, -7, -1, 0,
        ];
        let found: Vec<usize> = positions.iter().map(|&p| both.of(p)).collect();
        assert_eq!(found, [15, 15, 15, 14, 13, 12, 11, 10, 9, 8, 7, 1, 0]);
        let mirrored: Vec<usize> = positions[..12].iter().map(|&p| both.of(-p)).collect();
        assert_eq!(mirrored, [31, 31, 31, 30, 29, 28, 27, 26, 25, 24, 23, 17]);
        let found: Vec<usize> = positions.iter().map(|&p| causal.of(p)).collect();
        assert_eq!(found, [31, 31, 31, 26, 26, 21, 21, 16, 15, 8, 7, 1, 0]);
        assert!((1..300).all(|future| causal.of(future) == 0));
    }
}
