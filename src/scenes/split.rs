//! Which scenes there are, and the random numbers of each.

use rand_pcg::Pcg64;

/// Which scenes a generator may make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// For training: no object is one of the [`HELD_OUT_PAIRS`](super::HELD_OUT_PAIRS), and no question names one.
    Train,
    /// For evaluation: all colour-shape pairs.
    HeldOut,
}

/// The random numbers of scene `index` of a split. The splits use different streams of the
/// generator, so no training scene comes back in the evaluation, whatever the seeds are.
pub fn scene_rng(split: Split, seed: u64, index: u64) -> Pcg64 {
    let stream = match split {
        Split::Train => 1,
        Split::HeldOut => 2,
    };
    // Neighbouring states of the same stream are correlated: spread both halves first.
    let state = (u128::from(spread(seed)) << 64) | u128::from(spread(index ^ spread(!seed)));
    Pcg64::new(state, stream)
}

/// The finalizer of SplitMix64 (Steele, Lea & Flood 2014): a bijection that mixes all bits.
pub(super) fn spread(x: u64) -> u64 {
    let mut z = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
