//! How much of a product one thread or one workgroup takes.

use super::Plan;
use super::source::ThreadTile;
use crate::compute::MANY_ROWS;

/// Up to this many rows the kernels for few rows are taken: they go through the matrix once for each row or two, the
/// others fill rows up to tiles of 8 or 64.
///
/// 768 × 2048, `q4`, Chromium's SwiftShader: a row takes 3.3 ms of the processor with the first and 4 rows 12; 4 or 8 rows take 7
/// with the second. On an H200, 2048 × 5120, `q4`: 8 rows take 0.025 ms with the first and 3 µs more for each further row, 16 and
/// 32 rows 0.13 ms with the second.
pub(super) fn few_rows(plan: Plan) -> usize {
    match plan {
        Plan::Software { .. } => 2,
        Plan::Hardware(_) => 32,
    }
}

/// Rows and outputs of a workgroup in the kernels for many rows on graphics cards.
pub(super) const WORKGROUP_TILE: usize = 64;

/// Rows and outputs of a thread in the kernels for software adapters: the more, the less is read for each product, and the longer
/// takes the adapter's compiler.
///
/// 196 rows, 768 × 768, Chromium's SwiftShader, processor time of one call and time of the compiler in milliseconds: `q4` in 8 × 32
/// 98 and 1,300; by quads in 8 × 16 85 and 480, in 16 × 16 66 and 1,000, in 28 × 16 56 and 1,900, in 28 × 32 53 and 5,100. Floats in
/// 16 × 16 122 and 640; by quads 95 and 510, in 28 × 16 76 and 940, and where an attention has these too, a picture of SigLIP base/16
/// takes 10.6 s instead of 11.3. What it does is move numbers between registers and memory: a
/// tile of 32 × 16, whose numbers no longer stay in the nearest cache, takes longer than 28 × 16, and so does a loop over more
/// elements at a time.
pub(super) const FEW_ROWS_TILE: ThreadTile = tile(false, 1, 8);

/// As [`FEW_ROWS_TILE`], for many rows of a product with a quantized matrix.
pub(super) fn many_rows_tile(quads: bool, large: bool) -> ThreadTile {
    match (quads, large) {
        (false, _) => tile(quads, 8, 32),
        (true, false) => tile(quads, 8, 16),
        (true, true) => tile(quads, 28, 16),
    }
}

/// As [`FEW_ROWS_TILE`], for a product of floats.
pub(super) fn dense_tile(rows: usize, quads: bool, large: bool) -> ThreadTile {
    match rows {
        1 => tile(false, 1, 16),
        ..=4 => tile(quads, 4, 16),
        _ if quads && large => tile(quads, 28, 16),
        _ => tile(quads, 16, 16),
    }
}

/// Whether a product with a matrix is worth the tiles that take the compiler longest.
pub(super) fn is_large(rows: usize, [outputs, inner]: [usize; 2]) -> bool {
    rows >= MANY_ROWS && outputs * inner >= 100_000
}

/// Workgroups of the kernels whose threads take a tile each, along the outputs and along the rows: four threads along the outputs,
/// as many as a software adapter computes at once.
pub(super) fn workgroups_of_tiles([rows, outputs]: [usize; 2], tile: ThreadTile) -> [usize; 2] {
    [outputs.div_ceil(4 * tile.outputs), rows.div_ceil(tile.rows)]
}

/// Workgroups for so many rows of a norm or a softmax.
pub(super) fn workgroups_of_rows(rows: usize, plan: Plan) -> [usize; 3] {
    match plan {
        Plan::Hardware(_) => [rows, 1, 1],
        Plan::Software { .. } => [rows.div_ceil(64), 1, 1],
    }
}

const fn tile(quads: bool, rows: usize, outputs: usize) -> ThreadTile {
    ThreadTile {
        rows,
        outputs,
        quads,
    }
}
