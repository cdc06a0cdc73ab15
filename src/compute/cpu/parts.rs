//! Work on the processor's cores.

use std::ops::Range;

/// Runs `work` over `0..count` in parts, on all cores where the build has threads and there is enough to do: `work_of_each` multiplications
/// each.
#[cfg(feature = "threads")]
pub(super) fn each_part<T: Send>(
    count: usize,
    work_of_each: usize,
    work: impl Fn(Range<usize>) -> T + Sync,
) -> Vec<T> {
    use rayon::prelude::*;
    // Below some 100,000 products a part, waking another thread costs more than it helps.
    let part = 100_000usize
        .div_ceil(work_of_each.max(1))
        .max(count.div_ceil(4 * rayon::current_num_threads()));
    (0..count.div_ceil(part))
        .into_par_iter()
        .map(|i| work(i * part..((i + 1) * part).min(count)))
        .collect()
}

#[cfg(not(feature = "threads"))]
pub(super) fn each_part<T>(
    count: usize,
    _work_of_each: usize,
    work: impl Fn(Range<usize>) -> T,
) -> Vec<T> {
    vec![work(0..count)]
}
