//! What a softmax is made of, in forms that compilers turn into vectors: the libraries' are a call for each number in wasm,
//! which took a tenth of a picture's time for GELU alone.

/// `eˣ` with a relative error below 2e-7; 0 below 1e-38, and never more than the largest power.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    // 2ⁿ · eʳ with |r| ≤ ln 2 / 2. Adding 1.5 · 2²³ rounds to nearest and leaves n in the lowest bits: a conversion that
    // saturates is many operations where there is no instruction for it.
    const ROUND: f32 = 12_582_912.0;
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    let above = if x > -87.0 { x } else { -87.0 };
    let bounded = if above < 88.0 { above } else { 88.0 };
    let shifted = bounded * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = bounded - n * LN_2_HIGH - n * LN_2_LOW;
    // Taylor's series to the seventh power: the next term is below 6e-9 there.
    let series = [
        1.0 / 720.0,
        1.0 / 120.0,
        1.0 / 24.0,
        1.0 / 6.0,
        0.5,
        1.0,
        1.0,
    ];
    let power = series
        .into_iter()
        .fold(1.0 / 5040.0, |sum, term| sum * r + term);
    let two_to_n = f32::from_bits((shifted.to_bits() << 23).wrapping_add(127 << 23));
    // Nothing at all below: the smallest powers would become denormal numbers in a softmax, which take processors many times as
    // long. The bounds have dropped what is no number.
    let exponential = if x < -87.0 { 0.0 } else { power * two_to_n };
    if x.is_nan() { x } else { exponential }
}

/// Numbers that compilers may treat side by side; a sum in order would be one after the other.
pub(crate) const LANES: usize = 8;

/// The largest number; what is none is passed over.
pub(crate) fn largest(row: &[f32]) -> f32 {
    // Not `f32::max`, for which there is no vector instruction in wasm.
    let larger = |a: f32, b: f32| if b > a { b } else { a };
    let (eights, rest) = row.as_chunks::<LANES>();
    let mut lanes = [f32::NEG_INFINITY; LANES];
    for eight in eights {
        for (lane, &x) in lanes.iter_mut().zip(eight) {
            *lane = larger(*lane, x);
        }
    }
    lanes
        .iter()
        .chain(rest)
        .fold(f32::NEG_INFINITY, |a, &b| larger(a, b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponentials() {
        for i in -87_000..=88_000 {
            let x = i as f32 / 1000.0;
            let exact = f64::from(x).exp();
            let error = (f64::from(exp(x)) - exact).abs() / exact;
            assert!(error < 2e-7, "{x}: {error}");
        }
    }
}
