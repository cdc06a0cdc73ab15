//! `x Wᵀ` with `W` in blocks: which processor, which format, few rows or many.

use super::activations::{Activations, Packing};
use super::format::{Format, Q4, Q8};
use super::lanes::Lanes;
use super::parts::each_part;
use super::{Matrix, few_rows, many_rows};
use crate::formats::blocks::{BLOCK, QuantFormat, blocks};
use std::ops::Range;

/// Rows from which bringing the weights into another form pays: measured in wasm, 24 rows take four fifths of the time that
/// they take as few, 196 two thirds.
const MANY_ROWS: usize = 24;

/// `[rows, blocks · BLOCK]` → `[rows, out_features]`. Activations that are not finite give sums that are not.
pub fn matmul(x: &[f32], weight: Matrix) -> Vec<f32> {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        // SAFETY: the instructions are there.
        return in_parts(
            x,
            weight,
            super::lanes::Avx2::WIDTH,
            |x, outputs, y| unsafe {
                with_avx2(x, weight, outputs, y);
            },
        );
    }
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    return with::<super::lanes::Simd128>(x, weight);
    #[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
    with::<super::lanes::Plain>(x, weight)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn with_avx2(x: &Activations, weight: Matrix, outputs: Range<usize>, y: &mut [f32]) {
    product::<super::lanes::Avx2>(x, weight, outputs, y);
}

fn with<L: Lanes>(x: &[f32], weight: Matrix) -> Vec<f32> {
    in_parts(x, weight, L::WIDTH, |x, outputs, y| {
        product::<L>(x, weight, outputs, y);
    })
}

/// The product, of which `work` computes `[rows, outputs]` at a time.
fn in_parts(
    x: &[f32],
    weight: Matrix,
    vector: usize,
    work: impl Fn(&Activations, Range<usize>, &mut [f32]) + Sync,
) -> Vec<f32> {
    let [out_features, in_features] = weight.shape;
    let width = blocks(in_features) * BLOCK;
    if width == 0 {
        return vec![];
    }
    let rows = x.len() / width;
    let activations = Activations::new(x, width, packing(rows, vector));
    let mut parts = each_part(out_features, rows * width, |outputs| {
        let mut y = vec![0.0; rows * outputs.len()];
        work(&activations, outputs.clone(), &mut y);
        (outputs, y)
    });
    if parts.len() == 1 {
        return parts.remove(0).1;
    }
    let mut y = vec![0.0; rows * out_features];
    for (outputs, part) in parts {
        let rows = y.chunks_exact_mut(out_features);
        for (row, part) in rows.zip(part.chunks_exact(outputs.len())) {
            row[outputs.clone()].copy_from_slice(part);
        }
    }
    y
}

fn packing(rows: usize, vector: usize) -> Packing {
    match rows < MANY_ROWS {
        true => few_rows::packing(vector),
        false => many_rows::packing(vector),
    }
}

/// How far the integers of a product are from what they stand for, at most.
#[derive(Debug, Clone, Copy)]
pub struct Rounding {
    /// Elements of a row that share a scale.
    pub segment: usize,
    /// Of an activation, as a part of its segment's largest.
    pub activations: f64,
    /// Of a weight, as a part of the largest scale of its segment.
    pub weights: f64,
}

/// That of [`matmul`] for so many rows.
pub fn rounding(rows: usize, format: QuantFormat) -> Rounding {
    let Packing {
        segment, largest, ..
    } = packing(rows, BLOCK);
    Rounding {
        segment,
        // Half a step.
        activations: 0.5 / f64::from(largest),
        weights: match rows < MANY_ROWS {
            true => 0.0,
            false => many_rows::weight_rounding(format),
        },
    }
}

#[inline(always)]
fn product<L: Lanes>(x: &Activations, weight: Matrix, outputs: Range<usize>, y: &mut [f32]) {
    match weight.format {
        QuantFormat::Q8 => in_format::<L, Q8>(x, weight, outputs, y),
        QuantFormat::Q4 => in_format::<L, Q4>(x, weight, outputs, y),
    }
}

#[inline(always)]
fn in_format<L: Lanes, F: Format>(
    x: &Activations,
    weight: Matrix,
    outputs: Range<usize>,
    y: &mut [f32],
) {
    match x.rows() < MANY_ROWS {
        true => few_rows::product::<L, F>(x, weight, outputs, y),
        false => many_rows::product::<L, F>(x, weight, outputs, y),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::blocks::{Effort, dequantize, quantize};
    use half::f16;
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64Mcg;

    /// The plain way, in 64-bit floats, on the same quantized weights.
    #[test]
    fn all_lanes_equal_the_plain_product() {
        let mut rng = Pcg64Mcg::seed_from_u64(3);
        for format in [QuantFormat::Q8, QuantFormat::Q4] {
            for [rows, out_features, in_features] in [
                [1usize, 5usize, 32usize],
                [3, 7, 96],
                [8, 1, 64],
                [9, 33, 160],
                [17, 40, 588],
                [1, 3000, 64],
                [24, 5, 588],
                [25, 33, 160],
                [26, 1, 64],
                [51, 8, 1056],
            ] {
                let width = in_features.next_multiple_of(BLOCK);
                let mut random = |count: usize| -> Vec<f32> {
                    (0..count)
                        .map(|_| (rng.random::<f32>() - 0.5) * 8.0)
                        .collect()
                };
                let packed = quantize(
                    format,
                    &random(out_features * in_features),
                    in_features,
                    Effort::Fast,
                );
                let mut x = random(rows * width);
                for row in x.chunks_exact_mut(width) {
                    row[in_features..].fill(0.0);
                }
                let scales: Vec<u16> = packed.scales.iter().map(|scale| scale.to_bits()).collect();
                let matrix = Matrix {
                    words: &packed.words,
                    scales: &scales,
                    format,
                    shape: [out_features, in_features],
                };
                let dense = dequantize(format, &packed.words, &packed.scales, in_features);
                let found = matmul(&x, matrix);
                let plain = with::<crate::compute::cpu::lanes::Plain>(&x, matrix);
                let largest_scale = packed.scales.iter().map(|d| f64::from(d.to_f32().abs()));
                let largest_scale = largest_scale.fold(0.0, f64::max);
                let largest_x = x.iter().map(|x| f64::from(x.abs())).fold(0.0, f64::max);
                let rounding = rounding(rows, format);
                let (w_step, x_step) = (
                    largest_scale * rounding.weights,
                    largest_x * rounding.activations,
                );
                for row in 0..rows {
                    for output in 0..out_features {
                        let (mut exact, mut bound) = (0.0, 1e-12);
                        for i in 0..in_features {
                            let x = f64::from(x[row * width + i]);
                            let w = f64::from(dense[output * in_features + i]);
                            exact += x * w;
                            bound += x.abs() * w_step + w.abs() * x_step + 1e-6 * (x * w).abs();
                        }
                        for found in [
                            found[row * out_features + output],
                            plain[row * out_features + output],
                        ] {
                            let error = (f64::from(found) - exact).abs();
                            assert!(
                                error <= bound,
                                "{format:?} {rows} {out_features} {in_features}: {error}, at most {bound}"
                            );
                        }
                    }
                }
            }
        }
    }

    /// All integers at their ends, and all of one sign: no sum may overflow.
    #[test]
    fn the_largest_sums_fit() {
        for (format, word, weight) in [
            (QuantFormat::Q8, 0x8080_8080, -128.0),
            (QuantFormat::Q8, 0x7f7f_7f7f, 127.0),
            (QuantFormat::Q4, 0x0000_0000, -8.0),
        ] {
            for (sign, bits) in [(1.0, f16::ONE), (-1.0, f16::NEG_ONE)] {
                let words = vec![word; 32 * format.words_per_block()];
                let matrix = Matrix {
                    words: &words,
                    scales: &[bits.to_bits(); 32],
                    format,
                    shape: [1, 1024],
                };
                for rows in [1, MANY_ROWS] {
                    let expected = weight * sign * 3.0 * 1024.0;
                    for y in matmul(&vec![3.0; rows * 1024], matrix) {
                        assert!(
                            (y / expected - 1.0f32).abs() < 1e-4,
                            "{format:?}: {y}, not {expected}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_no_number_stays_none() {
        let packed = quantize(QuantFormat::Q4, &[0.5; 64], 32, Effort::Fast);
        let scales: Vec<u16> = packed
            .scales
            .iter()
            .map(|scale: &f16| scale.to_bits())
            .collect();
        let matrix = Matrix {
            words: &packed.words,
            scales: &scales,
            format: QuantFormat::Q4,
            shape: [2, 32],
        };
        for poison in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for rows in [2, MANY_ROWS] {
                let mut x = vec![1.0; rows * 32];
                x[40] = poison;
                for (i, y) in matmul(&x, matrix).into_iter().enumerate() {
                    assert_eq!(y.is_finite(), i / 2 != 1, "row {}: {y}", i / 2);
                }
            }
        }
    }
}
