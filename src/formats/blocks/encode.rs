//! Floats → blocks.

use super::{BLOCK, Packed, QuantFormat};
use half::f16;

/// How much work goes into a block's scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Effort {
    /// GGUF's own rule, one pass: the largest weight decides. For weights that are quantized while they load.
    #[default]
    Fast,
    /// For 4 bits, the scale around GGUF's with the least squared error; about 40 times the work. For files that are
    /// written once. 8 bits stay as they are, their error is a hundredth of that.
    Search,
}

/// `[rows, in_features]` floats → rows in blocks. Values have to be finite.
pub fn quantize(format: QuantFormat, values: &[f32], in_features: usize, effort: Effort) -> Packed {
    let mut packed = Packed::default();
    for row in values.chunks_exact(in_features.max(1)) {
        for chunk in row.chunks(BLOCK) {
            let mut block = [0.0; BLOCK];
            block[..chunk.len()].copy_from_slice(chunk);
            let (scale, integers) = match (format, effort) {
                (QuantFormat::Q8, _) => q8(&block),
                (QuantFormat::Q4, Effort::Fast) => q4(&block),
                (QuantFormat::Q4, Effort::Search) => q4_search(&block),
            };
            format.pack(&integers, &mut packed.words);
            packed.scales.push(scale);
        }
    }
    packed
}

fn inverse(scale: f32) -> f32 {
    if scale == 0.0 { 0.0 } else { 1.0 / scale }
}

/// `quantize_row_q8_0_ref`
fn q8(block: &[f32; BLOCK]) -> (f16, [i8; BLOCK]) {
    let scale = extreme(block).abs() / 127.0;
    let factor = inverse(scale);
    (half(scale), block.map(|x| round(x * factor) as i8))
}

/// To nearest, away from zero at halves, as `f32::round` and C's `roundf`, which are a call for each number.
#[inline(always)]
fn round(x: f32) -> f32 {
    let whole = x.trunc();
    let away = if (x - whole).abs() >= 0.5 { 1f32 } else { 0.0 };
    whole + away.copysign(x)
}

/// The first weight of largest magnitude, with its sign.
fn extreme(block: &[f32; BLOCK]) -> f32 {
    block.iter().fold(
        0f32,
        |extreme, &x| {
            if x.abs() > extreme.abs() { x } else { extreme }
        },
    )
}

/// `quantize_row_q4_0_ref`: the weight of largest magnitude becomes −8, the end of the range that reaches farther.
fn q4(block: &[f32; BLOCK]) -> (f16, [i8; BLOCK]) {
    let scale = extreme(block) / -8.0;
    (half(scale), q4_integers(block, inverse(scale)))
}

fn q4_integers(block: &[f32; BLOCK], factor: f32) -> [i8; BLOCK] {
    block.map(|x| ((x * factor + 8.5) as i8).min(15) - 8)
}

/// Rounds with several scales around the one of [`q4`], gives each its best multiplier (least squares), keeps the
/// best of all.
fn q4_search(block: &[f32; BLOCK]) -> (f16, [i8; BLOCK]) {
    let extreme = extreme(block);
    if extreme == 0.0 {
        return q4(block);
    }
    let error = |scale: f16, integers: &[i8; BLOCK]| {
        let scale = scale.to_f32();
        let errors = block.iter().zip(integers);
        errors.fold(0f32, |sum, (x, &q)| {
            let difference = x - scale * f32::from(q);
            sum + difference * difference
        })
    };
    let mut best = q4(block);
    let mut least = error(best.0, &best.1);
    for step in -9..=9 {
        let factor = -(8.0 + 0.1 * step as f32) / extreme;
        let integers = block.map(|x| (round(x * factor) as i8).clamp(-8, 7));
        let (products, squares) =
            block
                .iter()
                .zip(&integers)
                .fold((0f32, 0f32), |(products, squares), (x, &q)| {
                    let q = f32::from(q);
                    (products + x * q, squares + q * q)
                });
        let scale = half(products * inverse(squares));
        let found = error(scale, &integers);
        if found < least {
            (best, least) = ((scale, integers), found);
        }
    }
    best
}

/// Nearest half; weights so large that their scale would overflow keep the largest one.
fn half(scale: f32) -> f16 {
    f16::from_f32(scale.clamp(f16::MIN.to_f32(), f16::MAX.to_f32()))
}

#[cfg(test)]
mod tests {
    use super::super::{blocks, dequantize};
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64Mcg;

    fn random(count: usize) -> Vec<f32> {
        let mut rng = Pcg64Mcg::seed_from_u64(5);
        (0..count)
            .map(|_| (rng.random::<f32>() - 0.5) * rng.random::<f32>())
            .collect()
    }

    #[test]
    fn rounding_is_the_librarys() {
        let near_half = [0.5, 0.49999997, 0.50000006, 2.5, 126.5, 127.49999];
        for x in near_half
            .into_iter()
            .chain(random(10_000).into_iter().map(|x| 127.0 * x))
        {
            for x in [x, -x] {
                assert_eq!(round(x), f32::round(x), "{x}");
            }
        }
    }

    fn root_mean_square_error(format: QuantFormat, in_features: usize, effort: Effort) -> f32 {
        let values = random(7 * in_features);
        let packed = quantize(format, &values, in_features, effort);
        assert_eq!(packed.scales.len(), 7 * blocks(in_features));
        assert_eq!(packed.words.len(), 7 * format.words_per_row(in_features));
        let back = dequantize(format, &packed.words, &packed.scales, in_features);
        assert_eq!(back.len(), values.len());
        let squares = values.iter().zip(&back).map(|(a, b)| (a - b) * (a - b));
        (squares.sum::<f32>() / values.len() as f32).sqrt()
    }

    #[test]
    fn errors_are_those_of_the_bits_on_whole_and_ragged_rows() {
        for in_features in [1, 31, 32, 33, 96, 588] {
            // Weights up to 0.5: a step is 1/254 or 1/16.
            let q8 = root_mean_square_error(QuantFormat::Q8, in_features, Effort::Fast);
            let q4 = root_mean_square_error(QuantFormat::Q4, in_features, Effort::Fast);
            let searched = root_mean_square_error(QuantFormat::Q4, in_features, Effort::Search);
            assert!(q8 < 0.0015, "{in_features}: {q8}");
            assert!(q4 < 0.025, "{in_features}: {q4}");
            assert!(searched <= q4, "{in_features}: {searched} after {q4}");
        }
    }

    #[test]
    fn extremes_stay_finite() {
        for value in [0.0, -0.0, f32::MIN_POSITIVE, 1e-30, 1e30, -1e30] {
            for format in [QuantFormat::Q8, QuantFormat::Q4] {
                for effort in [Effort::Fast, Effort::Search] {
                    let packed = quantize(format, &[value; BLOCK], BLOCK, effort);
                    let back = dequantize(format, &packed.words, &packed.scales, BLOCK);
                    assert!(back.iter().all(|x| x.is_finite()), "{value} {format:?}");
                }
            }
        }
    }
}
