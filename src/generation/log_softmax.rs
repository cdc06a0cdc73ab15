//! Scores to log-probabilities.

use crate::compute::exponential::{LANES, exp, largest};
use crate::error::{Error, Result};

/// Natural logarithm of the softmax of one row of logits.
///
/// # Errors
/// [`Error::NotFinite`] when the row holds NaN or +∞, or nothing finite.
pub fn log_softmax(logits: &[f32]) -> Result<Vec<f32>> {
    let max = largest(logits);
    let sum = sum_of_exponentials(logits, max);
    if !max.is_finite() || !sum.is_finite() {
        let broken = logits.iter().filter(|x| !x.is_finite()).count();
        let count = logits.len();
        let what = format!("{broken} of {count} next-token scores are");
        return Err(Error::not_finite(what));
    }
    let log_sum = sum.ln() as f32;
    Ok(logits.iter().map(|&x| (x - max) - log_sum).collect())
}

/// `Σ exp(x - max)`
fn sum_of_exponentials(logits: &[f32], max: f32) -> f64 {
    const GROUP: usize = 256;
    let mut exponentials = [0f32; GROUP];
    let mut lanes = [0f64; LANES];
    for group in logits.chunks(GROUP) {
        // Apart from the sum, as in a softmax: with it in the loop, compilers make no vectors of the exponentials.
        for (exponential, &x) in exponentials.iter_mut().zip(group) {
            *exponential = exp(x - max);
        }
        for eight in exponentials[..group.len()].chunks(LANES) {
            for (lane, &exponential) in lanes.iter_mut().zip(eight) {
                *lane += f64::from(exponential);
            }
        }
    }
    lanes.into_iter().sum()
}
