//! The few vector operations that the products need, for each kind of processor.

use crate::formats::blocks::QuantFormat;

/// Vectors of 16-bit integers, dot products of them, and floats.
///
/// # Safety
/// An implementation may only be used where its instructions exist. Pointers have to be valid for what is read or written
/// there: a vector, or a block of 16 or 32 bytes of weights.
pub(super) trait Lanes: Copy {
    /// 16-bit integers of a vector; a block is a whole number of vectors.
    const WIDTH: usize;
    /// `WIDTH` 16-bit integers.
    type Integers: Copy;
    /// A block's vectors.
    type Block: AsRef<[Self::Integers]>;
    /// Dot products as 32-bit integers, spread over lanes.
    type Dots: Copy;
    /// Floats of a vector.
    const FLOATS: usize;
    /// `FLOATS` floats.
    type Floats: Copy;

    unsafe fn load(from: *const i16) -> Self::Integers;
    unsafe fn store(integers: Self::Integers, to: *mut i16);
    /// 32 weights from their bytes.
    unsafe fn block(format: QuantFormat, bytes: *const u8) -> Self::Block;
    /// `integers · 2^SHIFT · ratio / 2^15`, rounded.
    unsafe fn scaled<const SHIFT: u32>(integers: Self::Integers, ratio: i16) -> Self::Integers;
    unsafe fn no_dots() -> Self::Dots;
    /// `dots + a · b`
    unsafe fn dot(dots: Self::Dots, a: Self::Integers, b: Self::Integers) -> Self::Dots;
    /// The same number throughout.
    unsafe fn floats(x: f32) -> Self::Floats;
    unsafe fn load_floats(from: *const f32) -> Self::Floats;
    unsafe fn store_floats(floats: Self::Floats, to: *mut f32);
    /// `sums + a · b`
    unsafe fn multiply_add(sums: Self::Floats, a: Self::Floats, b: Self::Floats) -> Self::Floats;
    /// `sums + scale · dots`
    unsafe fn add(sums: Self::Floats, scale: f32, dots: Self::Dots) -> Self::Floats;
    /// Over all lanes.
    unsafe fn total(sums: Self::Floats) -> f32;
}

/// Plain Rust, which compilers turn into what vectors there are.
#[cfg(any(test, not(all(target_arch = "wasm32", target_feature = "simd128"))))]
#[derive(Clone, Copy)]
pub(super) struct Plain;

#[cfg(any(test, not(all(target_arch = "wasm32", target_feature = "simd128"))))]
impl Lanes for Plain {
    const WIDTH: usize = 8;
    type Integers = [i16; 8];
    type Block = [[i16; 8]; 4];
    type Dots = [i32; 4];
    const FLOATS: usize = 4;
    type Floats = [f32; 4];

    #[inline(always)]
    unsafe fn load(from: *const i16) -> Self::Integers {
        // SAFETY: the caller's pointer is valid for a vector.
        unsafe { from.cast::<[i16; 8]>().read() }
    }

    #[inline(always)]
    unsafe fn store(integers: Self::Integers, to: *mut i16) {
        // SAFETY: the caller's pointer is valid for a vector.
        unsafe { to.cast::<[i16; 8]>().write(integers) }
    }

    #[inline(always)]
    unsafe fn block(format: QuantFormat, bytes: *const u8) -> Self::Block {
        let mut block = [[0; 8]; 4];
        let weights = block.as_flattened_mut();
        match format {
            QuantFormat::Q8 => {
                // SAFETY: the caller's pointer is valid for 32 bytes.
                let bytes = unsafe { &*bytes.cast::<[i8; 32]>() };
                for (weight, &byte) in weights.iter_mut().zip(bytes) {
                    *weight = i16::from(byte);
                }
            }
            QuantFormat::Q4 => {
                // SAFETY: the caller's pointer is valid for 16 bytes.
                let bytes = unsafe { &*bytes.cast::<[u8; 16]>() };
                for (j, &byte) in bytes.iter().enumerate() {
                    weights[j] = i16::from(byte & 15) - 8;
                    weights[j + 16] = i16::from(byte >> 4) - 8;
                }
            }
        }
        block
    }

    #[inline(always)]
    unsafe fn scaled<const SHIFT: u32>(integers: Self::Integers, ratio: i16) -> Self::Integers {
        let scale = |w: i16| (i32::from(w << SHIFT) * i32::from(ratio) + (1 << 14)) >> 15;
        integers.map(|w| scale(w) as i16)
    }

    #[inline(always)]
    unsafe fn no_dots() -> Self::Dots {
        [0; 4]
    }

    #[inline(always)]
    unsafe fn dot(mut dots: Self::Dots, a: Self::Integers, b: Self::Integers) -> Self::Dots {
        for (lane, dot) in dots.iter_mut().enumerate() {
            let product = |i: usize| i32::from(a[i]) * i32::from(b[i]);
            *dot += product(2 * lane) + product(2 * lane + 1);
        }
        dots
    }

    #[inline(always)]
    unsafe fn floats(x: f32) -> Self::Floats {
        [x; 4]
    }

    #[inline(always)]
    unsafe fn load_floats(from: *const f32) -> Self::Floats {
        // SAFETY: the caller's pointer is valid for a vector.
        unsafe { from.cast::<[f32; 4]>().read() }
    }

    #[inline(always)]
    unsafe fn store_floats(floats: Self::Floats, to: *mut f32) {
        // SAFETY: the caller's pointer is valid for a vector.
        unsafe { to.cast::<[f32; 4]>().write(floats) }
    }

    #[inline(always)]
    unsafe fn multiply_add(sums: Self::Floats, a: Self::Floats, b: Self::Floats) -> Self::Floats {
        std::array::from_fn(|lane| sums[lane] + a[lane] * b[lane])
    }

    #[inline(always)]
    unsafe fn add(mut sums: Self::Floats, scale: f32, dots: Self::Dots) -> Self::Floats {
        for (sum, dot) in sums.iter_mut().zip(dots) {
            *sum += scale * dot as f32;
        }
        sums
    }

    #[inline(always)]
    unsafe fn total(sums: Self::Floats) -> f32 {
        (sums[0] + sums[1]) + (sums[2] + sums[3])
    }
}

/// wasm's simd128.
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
#[derive(Clone, Copy)]
pub(super) struct Simd128;

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
impl Lanes for Simd128 {
    const WIDTH: usize = 8;
    type Integers = core::arch::wasm32::v128;
    type Block = [Self::Integers; 4];
    type Dots = core::arch::wasm32::v128;
    const FLOATS: usize = 4;
    type Floats = core::arch::wasm32::v128;

    #[inline(always)]
    unsafe fn load(from: *const i16) -> Self::Integers {
        // SAFETY: the caller's pointer is valid for a vector; loads need no alignment, as below.
        unsafe { core::arch::wasm32::v128_load(from.cast()) }
    }

    #[inline(always)]
    unsafe fn store(integers: Self::Integers, to: *mut i16) {
        // SAFETY: the caller's pointer is valid for a vector.
        unsafe { core::arch::wasm32::v128_store(to.cast(), integers) }
    }

    #[inline(always)]
    unsafe fn block(format: QuantFormat, bytes: *const u8) -> Self::Block {
        use core::arch::wasm32::*;
        // SAFETY: the caller's pointer is valid for the block.
        let load = |at: usize| unsafe { v128_load(bytes.add(at).cast()) };
        let (low, high) = match format {
            QuantFormat::Q8 => (load(0), load(16)),
            QuantFormat::Q4 => {
                let (bytes, eight) = (load(0), i8x16_splat(8));
                let low = v128_and(bytes, i8x16_splat(15));
                (i8x16_sub(low, eight), i8x16_sub(u8x16_shr(bytes, 4), eight))
            }
        };
        [
            i16x8_extend_low_i8x16(low),
            i16x8_extend_high_i8x16(low),
            i16x8_extend_low_i8x16(high),
            i16x8_extend_high_i8x16(high),
        ]
    }

    #[inline(always)]
    unsafe fn scaled<const SHIFT: u32>(integers: Self::Integers, ratio: i16) -> Self::Integers {
        use core::arch::wasm32::*;
        i16x8_q15mulr_sat(i16x8_shl(integers, SHIFT), i16x8_splat(ratio))
    }

    #[inline(always)]
    unsafe fn no_dots() -> Self::Dots {
        core::arch::wasm32::i32x4_splat(0)
    }

    #[inline(always)]
    unsafe fn dot(dots: Self::Dots, a: Self::Integers, b: Self::Integers) -> Self::Dots {
        use core::arch::wasm32::*;
        i32x4_add(dots, i32x4_dot_i16x8(a, b))
    }

    #[inline(always)]
    unsafe fn floats(x: f32) -> Self::Floats {
        core::arch::wasm32::f32x4_splat(x)
    }

    #[inline(always)]
    unsafe fn load_floats(from: *const f32) -> Self::Floats {
        // SAFETY: the caller's pointer is valid for a vector.
        unsafe { core::arch::wasm32::v128_load(from.cast()) }
    }

    #[inline(always)]
    unsafe fn store_floats(floats: Self::Floats, to: *mut f32) {
        // SAFETY: the caller's pointer is valid for a vector.
        unsafe { core::arch::wasm32::v128_store(to.cast(), floats) }
    }

    #[inline(always)]
    unsafe fn multiply_add(sums: Self::Floats, a: Self::Floats, b: Self::Floats) -> Self::Floats {
        use core::arch::wasm32::*;
        f32x4_add(sums, f32x4_mul(a, b))
    }

    #[inline(always)]
    unsafe fn add(sums: Self::Floats, scale: f32, dots: Self::Dots) -> Self::Floats {
        use core::arch::wasm32::*;
        let scaled = f32x4_mul(f32x4_convert_i32x4(dots), f32x4_splat(scale));
        f32x4_add(sums, scaled)
    }

    #[inline(always)]
    unsafe fn total(sums: Self::Floats) -> f32 {
        use core::arch::wasm32::f32x4_extract_lane as lane;
        (lane::<0>(sums) + lane::<1>(sums)) + (lane::<2>(sums) + lane::<3>(sums))
    }
}

/// x86 with AVX2 and FMA.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(super) struct Avx2;

// SAFETY, in all of these: the caller has AVX2 and FMA, and pointers that are valid; loads and stores need no alignment.
#[cfg(target_arch = "x86_64")]
impl Lanes for Avx2 {
    const WIDTH: usize = 16;
    type Integers = core::arch::x86_64::__m256i;
    type Block = [Self::Integers; 2];
    type Dots = core::arch::x86_64::__m256i;
    const FLOATS: usize = 8;
    type Floats = core::arch::x86_64::__m256;

    #[inline(always)]
    unsafe fn load(from: *const i16) -> Self::Integers {
        // SAFETY: as said above.
        unsafe { core::arch::x86_64::_mm256_loadu_si256(from.cast()) }
    }

    #[inline(always)]
    unsafe fn store(integers: Self::Integers, to: *mut i16) {
        // SAFETY: as said above.
        unsafe { core::arch::x86_64::_mm256_storeu_si256(to.cast(), integers) }
    }

    #[inline(always)]
    unsafe fn block(format: QuantFormat, bytes: *const u8) -> Self::Block {
        use core::arch::x86_64::*;
        // SAFETY: as said above.
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
    unsafe fn scaled<const SHIFT: u32>(integers: Self::Integers, ratio: i16) -> Self::Integers {
        use core::arch::x86_64::*;
        // SAFETY: as said above.
        unsafe {
            let shifted = _mm256_sll_epi16(integers, _mm_cvtsi32_si128(SHIFT as i32));
            _mm256_mulhrs_epi16(shifted, _mm256_set1_epi16(ratio))
        }
    }

    #[inline(always)]
    unsafe fn no_dots() -> Self::Dots {
        // SAFETY: as said above.
        unsafe { core::arch::x86_64::_mm256_setzero_si256() }
    }

    #[inline(always)]
    unsafe fn dot(dots: Self::Dots, a: Self::Integers, b: Self::Integers) -> Self::Dots {
        use core::arch::x86_64::*;
        // SAFETY: as said above.
        unsafe { _mm256_add_epi32(dots, _mm256_madd_epi16(a, b)) }
    }

    #[inline(always)]
    unsafe fn floats(x: f32) -> Self::Floats {
        // SAFETY: as said above.
        unsafe { core::arch::x86_64::_mm256_set1_ps(x) }
    }

    #[inline(always)]
    unsafe fn load_floats(from: *const f32) -> Self::Floats {
        // SAFETY: as said above.
        unsafe { core::arch::x86_64::_mm256_loadu_ps(from) }
    }

    #[inline(always)]
    unsafe fn store_floats(floats: Self::Floats, to: *mut f32) {
        // SAFETY: as said above.
        unsafe { core::arch::x86_64::_mm256_storeu_ps(to, floats) }
    }

    #[inline(always)]
    unsafe fn multiply_add(sums: Self::Floats, a: Self::Floats, b: Self::Floats) -> Self::Floats {
        // SAFETY: as said above.
        unsafe { core::arch::x86_64::_mm256_fmadd_ps(a, b, sums) }
    }

    #[inline(always)]
    unsafe fn add(sums: Self::Floats, scale: f32, dots: Self::Dots) -> Self::Floats {
        use core::arch::x86_64::*;
        // SAFETY: as said above.
        unsafe { _mm256_fmadd_ps(_mm256_cvtepi32_ps(dots), _mm256_set1_ps(scale), sums) }
    }

    #[inline(always)]
    unsafe fn total(sums: Self::Floats) -> f32 {
        let mut lanes = [0f32; 8];
        // SAFETY: as said above.
        unsafe { Self::store_floats(sums, lanes.as_mut_ptr()) };
        lanes.iter().sum()
    }
}
