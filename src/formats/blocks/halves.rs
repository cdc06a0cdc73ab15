//! Halves → floats, in few operations that compilers turn into vectors; the general conversion is a call for each number.

/// Of a finite half, by its bits.
#[inline(always)]
pub(crate) fn finite_half(bits: u16) -> f32 {
    // The exponents' biases differ by 112; the product also sets right what a half stores without leading 1.
    let magnitude =
        f32::from_bits(u32::from(bits & 0x7fff) << 13) * f32::from_bits((112 + 127) << 23);
    f32::from_bits(magnitude.to_bits() | u32::from(bits & 0x8000) << 16)
}

/// Of any half, by its bits.
#[inline(always)]
pub(crate) fn any_half(bits: u16) -> f32 {
    const EXPONENT: u16 = 0x7c00;
    let sign = u32::from(bits & 0x8000) << 16;
    let not_finite = f32::from_bits(sign | 0x7f80_0000 | u32::from(bits & 0x3ff) << 13);
    match bits & EXPONENT == EXPONENT {
        true => not_finite,
        false => finite_half(bits),
    }
}

#[cfg(test)]
mod tests {
    use super::{any_half, finite_half};
    use half::f16;

    #[test]
    fn every_half() {
        for bits in 0..=u16::MAX {
            let half = f16::from_bits(bits);
            let found = any_half(bits);
            if half.is_nan() {
                assert!(found.is_nan(), "{bits:#x}");
                continue;
            }
            assert_eq!(found.to_bits(), half.to_f32().to_bits(), "{half}");
            if half.is_finite() {
                assert_eq!(finite_half(bits).to_bits(), found.to_bits(), "{half}");
            }
        }
    }
}
