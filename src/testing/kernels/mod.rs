//! Each kernel, the processor's included, against the plain product, on ragged and extreme inputs.
//!
//! Bounds are relative to what a sum is made of, the only size that rounding errors know.

mod activation;
mod append;
mod attention;
mod best_tokens;
mod dense;
pub mod devices;
mod norm;
mod product;
mod softmax;

use super::Check;
use crate::compute::device::{self, DeviceKind};
use crate::error::Result;
use burn::tensor::{Device, Tensor, TensorData};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

/// Runs all shapes, formats and kinds of values on `device`, with all kernels that it has.
///
/// # Errors
/// When the device fails; differences are in the checks.
pub async fn run(device: &Device) -> Result<Vec<Check>> {
    let mut run = Run {
        device,
        kind: DeviceKind::of(device),
        rng: Pcg64Mcg::seed_from_u64(11),
        checks: vec![],
    };
    product::check(&mut run).await?;
    dense::check(&mut run).await?;
    norm::check(&mut run).await?;
    softmax::check(&mut run).await?;
    activation::check(&mut run).await?;
    append::check(&mut run).await?;
    attention::check(&mut run).await?;
    if run.kind == DeviceKind::Wgpu {
        best_tokens::check(&mut run).await?;
    }
    Ok(run.checks)
}

/// Where the checks run, and what they have found.
struct Run<'a> {
    device: &'a Device,
    kind: DeviceKind,
    rng: Pcg64Mcg,
    checks: Vec<Check>,
}

/// More outputs than WebGPU takes workgroups, four outputs to each.
const LARGE_VOCABULARY: usize = 262_150;

/// Values of one size, or with outliers a thousand times larger, or tiny, or zero.
const DISTRIBUTIONS: &[Distribution] = &[
    Distribution::Even,
    Distribution::Outliers,
    Distribution::Tiny,
    Distribution::Zero,
];

#[derive(Debug, Clone, Copy)]
enum Distribution {
    Even,
    Outliers,
    Tiny,
    Zero,
}

impl Distribution {
    fn values(self, count: usize, rng: &mut Pcg64Mcg) -> Vec<f32> {
        let mut next = || rng.random::<f32>() * 2.0 - 1.0;
        (0..count)
            .map(|i| match self {
                Distribution::Even => next(),
                Distribution::Outliers if i % 61 == 7 => 1000.0 * next(),
                Distribution::Outliers => next(),
                Distribution::Tiny => 1e-6 * next(),
                Distribution::Zero => 0.0,
            })
            .collect()
    }
}

fn tensor<const D: usize>(values: &[f32], shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values.to_vec(), shape), device)
}

/// A tensor's values as the host has them.
async fn read<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f64>> {
    Ok(device::read(tensor)
        .await?
        .into_iter()
        .map(f64::from)
        .collect())
}

/// Sums in parts of their sizes.
fn relative(sums: Vec<f64>, sizes: &[f64]) -> Vec<f64> {
    let pairs = sums.into_iter().zip(sizes);
    pairs.map(|(sum, size)| sum / (size + 1e-30)).collect()
}
