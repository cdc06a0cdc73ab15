//! Choice of one token from one row of scores.

use rand::Rng;
use rand_pcg::Pcg32;

/// The index of the largest score, the first of equals; `None` when every token is excluded (−∞).
pub(super) fn arg_max(scores: &[f32]) -> Option<usize> {
    let mut best: Option<(usize, f32)> = None;
    for (index, &score) in scores.iter().enumerate() {
        if score > best.map_or(f32::NEG_INFINITY, |(_, best)| best) {
            best = Some((index, score));
        }
    }
    best.map(|(index, _)| index)
}

/// Draws tokens. Each sequence has its own stream of random numbers, so that it does not depend on
/// what else is in the batch. PCG32 gives the same numbers on every platform.
#[derive(Debug, Clone)]
pub(in crate::generation) struct Sampler(Pcg32);

impl Sampler {
    pub(in crate::generation) fn new(seed: u64, sequence: usize) -> Self {
        Self(Pcg32::new(seed, sequence as u64))
    }

    /// The index of one token drawn from the softmax of `scores`; `None` when every token is excluded (−∞).
    pub(in crate::generation) fn draw(&mut self, scores: &[f32]) -> Option<usize> {
        let max = scores[arg_max(scores)?];
        let weights = || scores.iter().map(|&x| f64::from(x - max).exp());
        let total: f64 = weights().sum();
        // 53 random bits: uniform in [0, 1) as far as f64 goes.
        let uniform = (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
        let mut left = uniform * total;
        let mut last = None;
        for (index, weight) in weights().enumerate() {
            if weight > 0.0 {
                last = Some(index);
                if left < weight {
                    break;
                }
                left -= weight;
            }
        }
        last
    }
}
