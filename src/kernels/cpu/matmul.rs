//! `x Wᵀ` with `W` in blocks.

use super::activations::{Activations, TILE};
use super::lanes::Lanes;
use super::{Matrix, half_to_f32};
use crate::quant::{BLOCK, QuantFormat, blocks};

/// `[rows, blocks · BLOCK]` → `[rows, out_features]`. Activations that are not finite give sums that are not.
pub fn matmul(x: &[f32], weight: Matrix) -> Vec<f32> {
    let [out_features, in_features] = weight.shape;
    let width = blocks(in_features) * BLOCK;
    if width == 0 {
        return vec![];
    }
    let rows = x.len() / width;
    let x = Activations::new(x, width / BLOCK);
    let mut parts = each_part(out_features, rows * width, |outputs| {
        (outputs.clone(), product(&x, rows, weight, outputs))
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

/// Runs `work` over the outputs in parts, on all processors where there are several and enough to do.
#[cfg(feature = "cli")]
fn each_part<T: Send>(
    outputs: usize,
    work_per_output: usize,
    work: impl Fn(std::ops::Range<usize>) -> T + Sync,
) -> Vec<T> {
    use rayon::prelude::*;
    // Below some 100,000 products a part, waking another thread costs more than it helps.
    let part = 100_000usize
        .div_ceil(work_per_output.max(1))
        .max(outputs.div_ceil(4 * rayon::current_num_threads()));
    (0..outputs.div_ceil(part))
        .into_par_iter()
        .map(|i| work(i * part..((i + 1) * part).min(outputs)))
        .collect()
}

#[cfg(not(feature = "cli"))]
fn each_part<T>(
    outputs: usize,
    _work_per_output: usize,
    work: impl Fn(std::ops::Range<usize>) -> T,
) -> Vec<T> {
    vec![work(0..outputs)]
}

/// `[rows, outputs]`
fn product(
    x: &Activations,
    rows: usize,
    weight: Matrix,
    outputs: std::ops::Range<usize>,
) -> Vec<f32> {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        // SAFETY: the instructions are there.
        return unsafe { with_avx2(x, rows, weight, outputs) };
    }
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    return by_format::<super::lanes::Simd128>(x, rows, weight, outputs);
    #[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
    by_format::<super::lanes::Plain>(x, rows, weight, outputs)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn with_avx2(
    x: &Activations,
    rows: usize,
    weight: Matrix,
    outputs: std::ops::Range<usize>,
) -> Vec<f32> {
    by_format::<super::lanes::Avx2>(x, rows, weight, outputs)
}

/// The format as a constant: its branch must not stand in the inner loop.
#[inline(always)]
fn by_format<L: Lanes>(
    x: &Activations,
    rows: usize,
    weight: Matrix,
    outputs: std::ops::Range<usize>,
) -> Vec<f32> {
    const Q8: u8 = QuantFormat::Q8 as u8;
    const Q4: u8 = QuantFormat::Q4 as u8;
    match weight.format {
        QuantFormat::Q8 => tiles::<L, Q8>(x, rows, weight, outputs),
        QuantFormat::Q4 => tiles::<L, Q4>(x, rows, weight, outputs),
    }
}

#[inline(always)]
fn tiles<L: Lanes, const FORMAT: u8>(
    x: &Activations,
    rows: usize,
    weight: Matrix,
    outputs: std::ops::Range<usize>,
) -> Vec<f32> {
    let mut y = vec![0.0; outputs.len() * rows];
    let mut first = 0;
    // A tile's activations stay in the nearest cache while all the weights pass by.
    while first + TILE <= rows {
        tile::<L, FORMAT, TILE>(x, first, weight, outputs.clone(), &mut y);
        first += TILE;
    }
    macro_rules! rest {
        ($($count:literal)*) => {
            match rows - first {
                $($count => tile::<L, FORMAT, $count>(x, first, weight, outputs, &mut y),)*
                _ => {}
            }
        };
    }
    rest!(1 2 3 4 5 6 7);
    y
}

/// `ROWS` rows of activations from `first` on, with all the outputs.
#[inline(always)]
fn tile<L: Lanes, const FORMAT: u8, const ROWS: usize>(
    x: &Activations,
    first: usize,
    weight: Matrix,
    outputs: std::ops::Range<usize>,
    y: &mut [f32],
) {
    let format = if FORMAT == QuantFormat::Q8 as u8 {
        QuantFormat::Q8
    } else {
        QuantFormat::Q4
    };
    let row_blocks = blocks(weight.shape[1]);
    let block_words = format.words_per_block();
    // Slices of exactly the tile's size: what the loop below reads lies inside them.
    let integers = &x.integers[first * row_blocks * BLOCK..][..ROWS * row_blocks * BLOCK];
    let scales = &x.scales[first * row_blocks..][..ROWS * row_blocks];
    let width = outputs.len();
    let y = &mut y[first * width..][..ROWS * width];
    for (column, output) in outputs.enumerate() {
        let words = &weight.words[output * row_blocks * block_words..][..row_blocks * block_words];
        let weight_scales = &weight.scales[output * row_blocks..][..row_blocks];
        let mut sums = [L::zero(); ROWS];
        for (block, &scale) in weight_scales.iter().enumerate() {
            // SAFETY: `block < row_blocks`, and `words`, `integers` and `scales` hold that many blocks of `ROWS` rows. The
            // caller has made sure of the instructions.
            unsafe {
                let scale = L::scale(half_to_f32(scale));
                let weights = L::load(format, words.as_ptr().add(block * block_words).cast());
                let integers = integers.as_ptr().add(block * ROWS * BLOCK);
                let scales = scales.as_ptr().add(block * ROWS);
                for (row, sum) in sums.iter_mut().enumerate() {
                    let (x, x_scale) = (integers.add(row * BLOCK), scales.add(row));
                    *sum = L::add(*sum, weights, scale, x, x_scale);
                }
            }
        }
        for (row, sum) in sums.into_iter().enumerate() {
            y[row * width + column] = L::total(sum);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quant::{Effort, dequantize, quantize};
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
                let plain = by_format::<crate::kernels::cpu::lanes::Plain>(
                    &Activations::new(&x, width / BLOCK),
                    rows,
                    matrix,
                    0..out_features,
                );
                for row in 0..rows {
                    for output in 0..out_features {
                        let products = (0..in_features).map(|i| {
                            f64::from(x[row * width + i])
                                * f64::from(dense[output * in_features + i])
                        });
                        let (exact, size) =
                            products.fold((0.0, 0.0), |(sum, size), p| (sum + p, size + p.abs()));
                        for found in [
                            found[row * out_features + output],
                            plain[row * out_features + output],
                        ] {
                            let error = (f64::from(found) - exact).abs();
                            assert!(
                                error <= 2e-5 * size + 1e-12,
                                "{format:?} {rows} {out_features} {in_features}: {error} of {size}"
                            );
                        }
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
            let mut x = vec![1.0; 64];
            x[40] = poison;
            let y = matmul(&x, matrix);
            assert!(y[..2].iter().all(|y| y.is_finite()), "{y:?}");
            assert!(y[2..].iter().all(|y| !y.is_finite()), "{y:?}");
        }
    }
}
