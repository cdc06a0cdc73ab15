//! Norms.

use super::{Distribution, Run, tensor};
use crate::compute::device::{read, with_each_plan};
use crate::compute::{layer_norm, rms_norm};
use crate::error::Result;
use crate::testing::Check;

/// `[rows, width]`; in the last case there are more rows than a grid has in one dimension.
const SHAPES: &[[usize; 2]] = &[[1, 1], [3, 7], [2, 130], [65, 768], [40_000, 3]];

pub(super) async fn check(run: &mut Run<'_>) -> Result<()> {
    for &shape in SHAPES {
        norms(shape, run).await?;
    }
    Ok(())
}

/// Both norms of rows far from the origin.
async fn norms([rows, width]: [usize; 2], run: &mut Run<'_>) -> Result<()> {
    const EPS: f64 = 1e-6;
    let x = Distribution::Even.values(rows * width, &mut run.rng);
    let x: Vec<f32> = x.into_iter().map(|x| x + 3.0).collect();
    let [weight, bias] = [(); 2].map(|()| Distribution::Even.values(width, &mut run.rng));
    let expected = |centred: bool| -> Vec<f32> {
        let row = |x: &[f32]| {
            let mean = match centred {
                true => x.iter().map(|&x| f64::from(x)).sum::<f64>() / width as f64,
                false => 0.0,
            };
            let squares: f64 = x.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum();
            let factor = 1.0 / (squares / width as f64 + EPS).sqrt();
            let normed = x.iter().zip(weight.iter().zip(&bias));
            let normed = normed.map(move |(&x, (&weight, &bias))| {
                let bias = if centred { f64::from(bias) } else { 0.0 };
                ((f64::from(x) - mean) * factor * f64::from(weight) + bias) as f32
            });
            normed.collect::<Vec<_>>()
        };
        x.chunks(width).flat_map(row).collect()
    };
    let on_device = tensor(&x, [rows, width], run.device);
    let one = |values: &[f32]| tensor(values, [width], run.device);
    with_each_plan(run.device, async |plan| {
        let name = format!("{rows}x{width} {plan}");
        let found = rms_norm(on_device.clone(), one(&weight), EPS);
        let (found, rms) = (read(found).await?, format!("rms norm {name}"));
        run.checks
            .push(Check::values(rms, &found, &expected(false), 1e-5));
        let found = layer_norm(on_device.clone(), one(&weight), one(&bias), EPS);
        let (found, layer) = (read(found).await?, format!("layer norm {name}"));
        // The differences from the mean are smaller than what they are taken from.
        run.checks
            .push(Check::values(layer, &found, &expected(true), 1e-4));
        Ok(())
    })
    .await
}
