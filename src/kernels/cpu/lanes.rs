//! The few vector operations that the product needs, for each kind of processor.

use crate::quant::QuantFormat;

/// A block of weights as 16-bit integers, and sums of products with it.
///
/// # Safety
/// An implementation may only be used where its instructions exist. Pointers have to be valid for a block: 16 or 32
/// bytes of weights, 32 integers, one scale.
pub(super) trait Lanes: Copy {
    type Block: Copy;
    type Sum: Copy;
    type Scale: Copy;

    /// 32 weights from their bytes.
    unsafe fn load(format: QuantFormat, bytes: *const u8) -> Self::Block;
    fn zero() -> Self::Sum;
    /// A block's scale, as `add` takes it.
    unsafe fn scale(scale: f32) -> Self::Scale;
    /// `sum + scale · x_scale · (block · x)`, still spread over the lanes.
    unsafe fn add(
        sum: Self::Sum,
        block: Self::Block,
        scale: Self::Scale,
        x: *const i16,
        x_scale: *const f32,
    ) -> Self::Sum;
    /// Over all lanes.
    fn total(sum: Self::Sum) -> f32;
}

/// Plain Rust, which compilers turn into what vectors there are.
#[cfg(any(test, not(all(target_arch = "wasm32", target_feature = "simd128"))))]
#[derive(Clone, Copy)]
pub(super) struct Plain;

#[cfg(any(test, not(all(target_arch = "wasm32", target_feature = "simd128"))))]
impl Lanes for Plain {
    type Block = [i16; 32];
    type Sum = f32;
    type Scale = f32;

    #[inline(always)]
    unsafe fn load(format: QuantFormat, bytes: *const u8) -> Self::Block {
        let mut block = [0; 32];
        match format {
            QuantFormat::Q8 => {
                // SAFETY: the caller's pointer is valid for 32 bytes.
                let bytes = unsafe { &*bytes.cast::<[i8; 32]>() };
                for (weight, &byte) in block.iter_mut().zip(bytes) {
                    *weight = i16::from(byte);
                }
            }
            QuantFormat::Q4 => {
                // SAFETY: the caller's pointer is valid for 16 bytes.
                let bytes = unsafe { &*bytes.cast::<[u8; 16]>() };
                for (j, &byte) in bytes.iter().enumerate() {
                    block[j] = i16::from(byte & 15) - 8;
                    block[j + 16] = i16::from(byte >> 4) - 8;
                }
            }
        }
        block
    }

    #[inline(always)]
    fn zero() -> f32 {
        0.0
    }

    #[inline(always)]
    unsafe fn scale(scale: f32) -> f32 {
        scale
    }

    #[inline(always)]
    unsafe fn add(
        sum: f32,
        block: Self::Block,
        scale: f32,
        x: *const i16,
        x_scale: *const f32,
    ) -> f32 {
        // SAFETY: the caller's pointers are valid for 32 integers and a scale.
        let (x, x_scale) = unsafe { (&*x.cast::<[i16; 32]>(), *x_scale) };
        let products = block
            .iter()
            .zip(x)
            .map(|(&w, &x)| i32::from(w) * i32::from(x));
        sum + scale * x_scale * products.sum::<i32>() as f32
    }

    #[inline(always)]
    fn total(sum: f32) -> f32 {
        sum
    }
}

/// wasm's simd128.
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
#[derive(Clone, Copy)]
pub(super) struct Simd128;

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
impl Lanes for Simd128 {
    type Block = [core::arch::wasm32::v128; 4];
    type Sum = core::arch::wasm32::v128;
    type Scale = core::arch::wasm32::v128;

    #[inline(always)]
    unsafe fn load(format: QuantFormat, bytes: *const u8) -> Self::Block {
        use core::arch::wasm32::*;
        // SAFETY: the caller's pointer is valid for the block; loads need no alignment.
        let load = |at: usize| unsafe { v128_load(bytes.add(at).cast()) };
        let widen = |bytes: v128| {
            [
                i16x8_extend_low_i8x16(bytes),
                i16x8_extend_high_i8x16(bytes),
            ]
        };
        let (low, high) = match format {
            QuantFormat::Q8 => (load(0), load(16)),
            QuantFormat::Q4 => {
                let (bytes, eight) = (load(0), i8x16_splat(8));
                let low = v128_and(bytes, i8x16_splat(15));
                (i8x16_sub(low, eight), i8x16_sub(u8x16_shr(bytes, 4), eight))
            }
        };
        let ([a, b], [c, d]) = (widen(low), widen(high));
        [a, b, c, d]
    }

    #[inline(always)]
    fn zero() -> Self::Sum {
        core::arch::wasm32::f32x4_splat(0.0)
    }

    #[inline(always)]
    unsafe fn scale(scale: f32) -> Self::Scale {
        core::arch::wasm32::f32x4_splat(scale)
    }

    #[inline(always)]
    unsafe fn add(
        sum: Self::Sum,
        block: Self::Block,
        scale: Self::Scale,
        x: *const i16,
        x_scale: *const f32,
    ) -> Self::Sum {
        use core::arch::wasm32::*;
        // SAFETY: the caller's pointer is valid for a scale.
        let x_scale = unsafe { v128_load32_splat(x_scale.cast()) };
        // SAFETY: the caller's pointer is valid for 32 integers; loads need no alignment.
        let dot = |i: usize| i32x4_dot_i16x8(block[i], unsafe { v128_load(x.add(8 * i).cast()) });
        let dots = i32x4_add(i32x4_add(dot(0), dot(1)), i32x4_add(dot(2), dot(3)));
        f32x4_add(
            sum,
            f32x4_mul(f32x4_convert_i32x4(dots), f32x4_mul(scale, x_scale)),
        )
    }

    #[inline(always)]
    fn total(sum: Self::Sum) -> f32 {
        use core::arch::wasm32::f32x4_extract_lane as lane;
        (lane::<0>(sum) + lane::<1>(sum)) + (lane::<2>(sum) + lane::<3>(sum))
    }
}

/// x86 with AVX2 and FMA.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(super) struct Avx2;

#[cfg(target_arch = "x86_64")]
impl Lanes for Avx2 {
    type Block = [core::arch::x86_64::__m256i; 2];
    type Sum = core::arch::x86_64::__m256;
    type Scale = core::arch::x86_64::__m256;

    #[inline(always)]
    unsafe fn load(format: QuantFormat, bytes: *const u8) -> Self::Block {
        use core::arch::x86_64::*;
        // SAFETY: the caller has AVX2 and a pointer that is valid for the block; loads need no alignment.
        unsafe {
            let load = |at: usize| _mm_loadu_si128(bytes.add(at).cast());
            match format {
                QuantFormat::Q8 => [
                    _mm256_cvtepi8_epi16(load(0)),
                    _mm256_cvtepi8_epi16(load(16)),
                ],
                QuantFormat::Q4 => {
                    let bytes = load(0);
                    let (mask, eight) = (_mm_set1_epi8(15), _mm256_set1_epi16(8));
                    let low = _mm_and_si128(bytes, mask);
                    let high = _mm_and_si128(_mm_srli_epi16(bytes, 4), mask);
                    [
                        _mm256_sub_epi16(_mm256_cvtepu8_epi16(low), eight),
                        _mm256_sub_epi16(_mm256_cvtepu8_epi16(high), eight),
                    ]
                }
            }
        }
    }

    #[inline(always)]
    fn zero() -> Self::Sum {
        // SAFETY: only used where there is AVX2.
        unsafe { core::arch::x86_64::_mm256_setzero_ps() }
    }

    #[inline(always)]
    unsafe fn scale(scale: f32) -> Self::Scale {
        // SAFETY: the caller has AVX2.
        unsafe { core::arch::x86_64::_mm256_set1_ps(scale) }
    }

    #[inline(always)]
    unsafe fn add(
        sum: Self::Sum,
        block: Self::Block,
        scale: Self::Scale,
        x: *const i16,
        x_scale: *const f32,
    ) -> Self::Sum {
        use core::arch::x86_64::*;
        // SAFETY: the caller has AVX2 and FMA and pointers that are valid for 32 integers and a scale.
        unsafe {
            let dot =
                |i: usize| _mm256_madd_epi16(block[i], _mm256_loadu_si256(x.add(16 * i).cast()));
            let dots = _mm256_cvtepi32_ps(_mm256_add_epi32(dot(0), dot(1)));
            let scale = _mm256_mul_ps(scale, _mm256_broadcast_ss(&*x_scale));
            _mm256_fmadd_ps(dots, scale, sum)
        }
    }

    #[inline(always)]
    fn total(sum: Self::Sum) -> f32 {
        let mut lanes = [0f32; 8];
        // SAFETY: only used where there is AVX2; the store needs no alignment.
        unsafe { core::arch::x86_64::_mm256_storeu_ps(lanes.as_mut_ptr(), sum) };
        lanes.iter().sum()
    }
}
