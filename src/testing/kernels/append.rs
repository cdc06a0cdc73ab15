//! A token's keys and values.

use super::{Distribution, Run, tensor};
use crate::compute::append;
use crate::compute::device::read;
use crate::error::Result;
use crate::testing::Check;

pub(super) async fn check(run: &mut Run<'_>) -> Result<()> {
    for shape in [[1, 1, 1, 1], [2, 3, 5, 7], [3, 4, 9, 64]] {
        appended(shape, run).await?;
    }
    Ok(())
}

/// A token's keys and values at the first, a middle and the last position, all others left as they were.
async fn appended(shape: [usize; 4], run: &mut Run<'_>) -> Result<()> {
    let [rows, heads, room, width] = shape;
    let count = rows * heads * width;
    let device = run.device;
    let mut expected = [(); 2].map(|()| Distribution::Even.values(count * room, &mut run.rng));
    let mut whole = [0, 1].map(|i| tensor(&expected[i], shape, device));
    for position in [0, room / 2, room - 1] {
        let token = [(); 2].map(|()| Distribution::Even.values(count, &mut run.rng));
        for (all, token) in expected.iter_mut().zip(&token) {
            for (all, token) in all.chunks_mut(room * width).zip(token.chunks(width)) {
                all[position * width..][..width].copy_from_slice(token);
            }
        }
        let token = token.map(|token| tensor(&token, [rows, heads, 1, width], device));
        whole = append(whole, token, position);
    }
    for (what, (found, expected)) in ["keys", "values"]
        .iter()
        .zip(whole.into_iter().zip(&expected))
    {
        let name = format!("append {what} to {shape:?}");
        let found = read(found).await?;
        run.checks.push(Check::values(name, &found, expected, 0.0));
    }
    Ok(())
}
