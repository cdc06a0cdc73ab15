//! Products of floats.

use super::{Distribution, LARGE_VOCABULARY, Run, read, relative, tensor};
use crate::compute::dense::{matmul, matmul_transposed};
use crate::compute::device::with_each_plan;
use crate::error::Result;
use crate::testing::Check;
use burn::tensor::Tensor;

/// `[batch, batches of the second factor, rows, outputs, inner]`
const SHAPES: &[[usize; 5]] = &[
    [1, 1, 1, 1, 1],
    [1, 1, 1, 130, 72],
    [2, 1, 3, 70, 5],
    [3, 3, 8, 5, 33],
    [3, 1, 9, 67, 17],
    [2, 2, 65, 64, 104],
    [1, 1, 100, 129, 588],
    [1, 1, 113, 190, 588],
    [12, 12, 101, 103, 30],
    [2, 2, 130, 170, 161],
    [1, 1, 2, LARGE_VOCABULARY, 3],
];

pub(super) async fn check(run: &mut Run<'_>) -> Result<()> {
    for &shape in SHAPES {
        products(shape, run).await?;
    }
    Ok(())
}

/// Both products of floats against plain ones.
async fn products(
    [batch, b_batch, rows, outputs, inner]: [usize; 5],
    run: &mut Run<'_>,
) -> Result<()> {
    let a = Distribution::Outliers.values(batch * rows * inner, &mut run.rng);
    let b = Distribution::Even.values(b_batch * outputs * inner, &mut run.rng);
    // Rows that are not to be read, where there is more than one batch entry.
    let with_room = |b: Tensor<3>| match b_batch {
        1 => b,
        _ => b.pad((0, 0, 0, 3), f32::NAN),
    };
    for transposed in [true, false] {
        let (mut exact, mut sizes) = (vec![], vec![]);
        for at in 0..batch * rows * outputs {
            let (row, output) = (at / outputs, at % outputs);
            let b = &b[row / rows % b_batch * outputs * inner..];
            let products = (0..inner).map(|i| {
                let b = match transposed {
                    true => b[output * inner + i],
                    false => b[i * outputs + output],
                };
                f64::from(a[row * inner + i]) * f64::from(b)
            });
            let (sum, size) = products.fold((0.0, 0.0), |(s, z), p| (s + p, z + p.abs()));
            exact.push(sum);
            sizes.push(size);
        }
        let exact = relative(exact, &sizes);
        with_each_plan(run.device, async |plan| {
            let a = tensor(&a, [batch, rows, inner], run.device);
            let y = match transposed {
                true => {
                    let b = tensor(&b, [b_batch, outputs, inner], run.device);
                    matmul_transposed(a, with_room(b), outputs)
                }
                false => {
                    let b = tensor(&b, [b_batch, inner, outputs], run.device);
                    matmul(a, with_room(b))
                }
            };
            let name = format!("{batch}x{rows}x{inner}->{outputs} {transposed} {plan}");
            let found = relative(read(y).await?, &sizes);
            run.checks.push(Check::values(name, &found, &exact, 1e-5));
            Ok(())
        })
        .await?;
    }
    Ok(())
}
