//! GELU's tanh form in one pass over the activations.

use crate::compute::exponential::exp;

/// `0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³)))` of each number, which is `x sigmoid(2 √(2/π) (x + 0.044715 x³))`.
pub fn gelu_tanh(values: &mut [f32]) {
    const TWO_SQRT_2_OVER_PI: f32 = 1.595_769;
    for x in values {
        let u = *x * (TWO_SQRT_2_OVER_PI + 0.044715 * TWO_SQRT_2_OVER_PI * *x * *x);
        *x /= 1.0 + exp(-u);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gelus() {
        let inputs: Vec<f32> = (-2000..=2000).map(|i| i as f32 / 100.0).collect();
        let mut found = inputs.clone();
        gelu_tanh(&mut found);
        for (&x, &found) in inputs.iter().zip(&found) {
            let x = f64::from(x);
            let u = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x.powi(3));
            let exact = 0.5 * x * (1.0 + u.tanh());
            let error = (f64::from(found) - exact).abs();
            assert!(error < 5e-7 * x.abs().max(1.0), "{x}: {found}, not {exact}");
        }
        let mut extremes = [1e9, -1e9, f32::INFINITY, f32::NAN];
        gelu_tanh(&mut extremes);
        assert_eq!(extremes[0], 1e9);
        assert!(extremes[1].abs() < 1e-20);
        assert!(extremes[2] == f32::INFINITY && extremes[3].is_nan());
    }
}
