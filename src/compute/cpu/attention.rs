//! Attention of many queries, head by head: the scores of a few queries at a time, so that there is never a matrix of all.
//! Keys and values are read where they lie and packed in panels first, a vector's width of columns side by side, which serve
//! all queries of their head.

use super::aligned::Aligned;
use super::lanes::Lanes;
use super::parts::each_part;
use super::softmax;
use std::ops::Range;

/// Queries whose scores are computed together: with two vectors of columns their sums fit 16 registers.
pub(super) const ROWS: usize = 4;

/// What all heads of a batch have in common.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    /// Entries of the batch.
    pub(super) batch: usize,
    /// Heads of an entry.
    pub(super) heads: usize,
    /// Tokens that ask.
    pub(super) queries: usize,
    /// Tokens that are seen, at least one.
    pub(super) length: usize,
    /// Numbers of a token in a head.
    pub(super) width: usize,
}

/// Strided of numbers, wherever they lie.
#[derive(Debug, Clone, Copy)]
pub(super) struct Strided<'a> {
    /// What holds them, from the first on.
    pub(super) values: &'a [f32],
    /// How far apart entries of the batch, heads, and rows of a head are; 0 where one serves all.
    pub(super) strides: [usize; 3],
}

impl<'a> Strided<'a> {
    fn row(self, [entry, head, row]: [usize; 3], width: usize) -> &'a [f32] {
        let [entries, heads, rows] = self.strides;
        &self.values[entry * entries + head * heads + row * rows..][..width]
    }
}

/// Queries, keys and values, and what is added to the scores.
#[derive(Debug, Clone, Copy)]
pub(super) struct Inputs<'a> {
    /// `width` numbers for each query.
    pub(super) queries: Strided<'a>,
    /// `width` numbers for each token that is seen.
    pub(super) keys: Strided<'a>,
    /// As the keys.
    pub(super) values: Strided<'a>,
    /// For each query, `length` numbers.
    pub(super) bias: Option<Strided<'a>>,
    /// The scores are multiplied with.
    pub(super) scale: f32,
}

/// `softmax(scale · q kᵀ + bias) v`: `[batch, queries, heads · width]`.
pub(super) fn attend(shape: Shape, inputs: Inputs) -> Vec<f32> {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        // SAFETY: the instructions are there.
        return in_parts(shape, |heads| unsafe { with_avx2(shape, inputs, heads) });
    }
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    return in_parts(shape, |heads| {
        of_heads::<super::lanes::Simd128>(shape, inputs, heads)
    });
    #[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
    in_parts(shape, |heads| {
        of_heads::<super::lanes::Plain>(shape, inputs, heads)
    })
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn with_avx2(shape: Shape, inputs: Inputs, heads: Range<usize>) -> Vec<f32> {
    of_heads::<super::lanes::Avx2>(shape, inputs, heads)
}

/// All heads of all entries, of which `work` computes `[heads, queries, width]` at a time.
fn in_parts(shape: Shape, work: impl Fn(Range<usize>) -> Vec<f32> + Sync) -> Vec<f32> {
    let Shape {
        batch,
        heads,
        queries,
        length,
        width,
    } = shape;
    let parts = each_part(batch * heads, 2 * queries * length * width, work);
    let mut y = vec![0.0; batch * queries * heads * width];
    let of_heads = parts.iter().flat_map(|p| p.chunks_exact(queries * width));
    for (at, of_head) in of_heads.enumerate() {
        let y = &mut y[at / heads * queries * heads * width + at % heads * width..];
        for (y, row) in y.chunks_mut(heads * width).zip(of_head.chunks_exact(width)) {
            y[..width].copy_from_slice(row);
        }
    }
    y
}

/// These heads, counted through all entries: `[heads, queries, width]`.
#[inline(always)]
fn of_heads<L: Lanes>(shape: Shape, inputs: Inputs, heads: Range<usize>) -> Vec<f32> {
    let Shape {
        queries,
        length,
        width,
        ..
    } = shape;
    let mut y = vec![0.0; heads.len() * queries * width];
    let mut keys = Panels::new::<L>(width, length);
    let mut values = Panels::new::<L>(length, width);
    let mut scores = vec![0.0; ROWS * keys.padded];
    let mut sums = vec![0.0; ROWS * values.padded];
    for (at, y) in heads.zip(y.chunks_exact_mut(queries * width)) {
        let (entry, head) = (at / shape.heads, at % shape.heads);
        for token in 0..length {
            let at = [entry, head, token];
            keys.set_column(token, inputs.keys.row(at, width));
            values.set_row(token, inputs.values.row(at, width));
        }
        for (group, y) in y.chunks_mut(ROWS * width).enumerate() {
            // Surplus queries repeat the last real one and are not written.
            let query = |row: usize| (group * ROWS + row).min(queries - 1);
            let rows = |row| inputs.queries.row([entry, head, query(row)], width);
            keys.product::<L>(std::array::from_fn(rows), &mut scores);
            for (row, scores) in scores.chunks_exact_mut(keys.padded).enumerate() {
                let scores = &mut scores[..length];
                let mut scale = inputs.scale;
                if let Some(bias) = inputs.bias {
                    let bias = bias.row([entry, head, query(row)], length);
                    for (score, bias) in scores.iter_mut().zip(bias) {
                        *score = scale * *score + bias;
                    }
                    scale = 1.0;
                }
                softmax(scores, length, scale);
            }
            let rows = |row| &scores[row * keys.padded..][..length];
            values.product::<L>(std::array::from_fn(rows), &mut sums);
            for (y, sums) in y.chunks_exact_mut(width).zip(sums.chunks(values.padded)) {
                y.copy_from_slice(&sums[..width]);
            }
        }
    }
    y
}

/// A matrix, `[inner, columns]`, with zeros behind the last column.
struct Panels {
    /// `[padded / panel, inner, panel]`
    values: Aligned<f32>,
    inner: usize,
    /// Columns of a panel.
    panel: usize,
    /// Columns of all panels.
    padded: usize,
}

impl Panels {
    fn new<L: Lanes>(inner: usize, columns: usize) -> Self {
        let panel = 2 * L::FLOATS;
        let padded = columns.next_multiple_of(panel);
        Self {
            values: Aligned::zeros(padded * inner),
            inner,
            panel,
            padded,
        }
    }

    fn set_column(&mut self, column: usize, values: &[f32]) {
        let at = column / self.panel * self.panel * self.inner + column % self.panel;
        let places = self.values[at..].iter_mut().step_by(self.panel);
        for (place, &value) in places.zip(values) {
            *place = value;
        }
    }

    fn set_row(&mut self, row: usize, values: &[f32]) {
        let panels = self.values.chunks_exact_mut(self.panel * self.inner);
        for (panel, values) in panels.zip(values.chunks(self.panel)) {
            panel[row * self.panel..][..values.len()].copy_from_slice(values);
        }
    }

    /// `rows · self` into `y`, `[ROWS, padded]`.
    #[inline(always)]
    fn product<L: Lanes>(&self, rows: [&[f32]; ROWS], y: &mut [f32]) {
        assert!(self.panel == 2 * L::FLOATS && y.len() == ROWS * self.padded);
        assert!(rows.iter().all(|row| row.len() == self.inner));
        let panels = self.values.chunks_exact(self.panel * self.inner);
        for (p, panel) in panels.enumerate() {
            // SAFETY: rows have `inner` numbers, a panel has two vectors for each of them, and each row of `y` has two for each
            // panel. The caller has made sure of the instructions.
            unsafe {
                let mut sums = [[L::floats(0.0); 2]; ROWS];
                let mut from = panel.as_ptr();
                for i in 0..self.inner {
                    let columns = [L::load_floats(from), L::load_floats(from.add(L::FLOATS))];
                    from = from.add(2 * L::FLOATS);
                    for (row, sums) in rows.iter().zip(&mut sums) {
                        let x = L::floats(*row.get_unchecked(i));
                        for (sum, columns) in sums.iter_mut().zip(columns) {
                            *sum = L::multiply_add(*sum, x, columns);
                        }
                    }
                }
                let to = y.as_mut_ptr().add(p * self.panel);
                for (row, [first, second]) in sums.into_iter().enumerate() {
                    let to = to.add(row * self.padded);
                    L::store_floats(first, to);
                    L::store_floats(second, to.add(L::FLOATS));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compute::cpu::lanes::Plain;

    /// What this machine's processor has, against plain Rust: `testing::kernels` holds one of them against the definition.
    #[test]
    fn lanes_are_alike() {
        for [batch, heads, queries, length, width] in
            [[1, 1, 4, 1, 1], [2, 3, 9, 21, 5], [1, 2, 16, 40, 64]]
        {
            let shape = Shape {
                batch,
                heads,
                queries,
                length,
                width,
            };
            let numbers = |count: usize, step: usize| -> Vec<f32> {
                (0..count)
                    .map(|i| (i * step % 1999) as f32 / 999.5 - 1.0)
                    .collect()
            };
            let strides = |tokens: usize| [tokens * heads * width, width, heads * width];
            let q = numbers(batch * heads * queries * width, 7919);
            let [k, v] = [617, 1223].map(|step| numbers(batch * heads * length * width, step));
            let bias = numbers(heads * queries * length, 431);
            let rows = |values, tokens| Strided {
                values,
                strides: strides(tokens),
            };
            for bias in [None, Some(bias.as_slice())] {
                let inputs = Inputs {
                    queries: rows(&q, queries),
                    keys: rows(&k, length),
                    values: rows(&v, length),
                    bias: bias.map(|values| Strided {
                        values,
                        strides: [0, queries * length, length],
                    }),
                    scale: 0.7,
                };
                let plain = in_parts(shape, |heads| of_heads::<Plain>(shape, inputs, heads));
                for (found, plain) in attend(shape, inputs).into_iter().zip(plain) {
                    assert!(
                        (found - plain).abs() < 2e-6,
                        "{shape:?}: {found}, not {plain}"
                    );
                }
            }
        }
    }
}
