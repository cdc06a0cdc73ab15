//! Softmax in place.

use crate::compute::exponential::{LANES, exp, largest};

/// Each row of `width` numbers becomes `exp(scale x) / Σ exp(scale x)`, for a scale above 0. A row with what is no number
/// becomes such throughout.
pub fn softmax(values: &mut [f32], width: usize, scale: f32) {
    for row in values.chunks_exact_mut(width.max(1)) {
        let largest = largest(row);
        // Summed afterwards: with the sum in it, compilers make no vectors of this loop, which then takes four times as long.
        for x in row.iter_mut() {
            *x = exp(scale * (*x - largest));
        }
        let part = 1.0 / sum(row);
        for x in row {
            *x *= part;
        }
    }
}

fn sum(row: &[f32]) -> f32 {
    let (eights, rest) = row.as_chunks::<LANES>();
    let mut lanes = [0.0; LANES];
    for eight in eights {
        for (lane, x) in lanes.iter_mut().zip(eight) {
            *lane += x;
        }
    }
    lanes.iter().chain(rest).sum()
}

#[cfg(test)]
mod tests {
    use super::softmax;
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64Mcg;

    #[test]
    fn rows_of_every_remainder() {
        let mut rng = Pcg64Mcg::seed_from_u64(5);
        for width in 1..40 {
            let mut values: Vec<f32> = (0..3 * width)
                .map(|i| match i % 11 {
                    7 => -1e30, // masked
                    _ => 30.0 * (rng.random::<f32>() - 0.5),
                })
                .collect();
            let inputs = values.clone();
            let scale = [1.0, 0.125][width % 2];
            softmax(&mut values, width, scale);
            for (found, x) in values.chunks(width).zip(inputs.chunks(width)) {
                let largest = x
                    .iter()
                    .fold(f64::NEG_INFINITY, |a, &b| a.max(f64::from(b)));
                let exact = x
                    .iter()
                    .map(|&x| f64::from(scale) * (f64::from(x) - largest));
                let exact: Vec<f64> = exact.map(f64::exp).collect();
                let sum: f64 = exact.iter().sum();
                for (&found, exact) in found.iter().zip(exact) {
                    let error = (f64::from(found) - exact / sum).abs();
                    assert!(error < 5e-7, "width {width}: {error}");
                }
            }
        }
    }

    #[test]
    fn rows_without_a_largest() {
        let mut masked = [-1e30; 5];
        softmax(&mut masked, 5, 1.0);
        assert_eq!(masked, [0.2; 5]);
        for poison in [f32::NAN, f32::INFINITY] {
            let mut rows = [0.0; 20];
            rows[3] = poison;
            softmax(&mut rows, 10, 1.0);
            assert!(rows[..10].iter().all(|x| x.is_nan()), "{rows:?}");
            assert_eq!(rows[10..], [0.1; 10]);
        }
    }
}
