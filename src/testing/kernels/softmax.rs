//! Softmax of attention scores.

use super::{Distribution, Run, tensor};
use crate::compute::device::{read, with_each_plan};
use crate::compute::softmax;
use crate::error::Result;
use crate::testing::Check;
use burn::tensor::Tensor;

/// Scores, and what is added to them: batch, heads, queries, keys.
const SCORES: &[([usize; 4], Option<[usize; 4]>)] = &[
    ([1, 1, 1, 1], None),
    ([2, 3, 5, 7], None),
    ([2, 3, 5, 7], Some([1, 3, 5, 7])),
    ([2, 3, 5, 7], Some([2, 1, 1, 7])),
    ([2, 3, 5, 7], Some([2, 3, 5, 7])),
    ([1, 2, 1, 197], Some([1, 2, 1, 197])),
    ([1, 12, 65, 64], Some([1, 1, 1, 64])),
    ([2, 4, 5000, 3], Some([1, 4, 1, 3])),
];

pub(super) async fn check(run: &mut Run<'_>) -> Result<()> {
    for &(shape, bias) in SCORES {
        softmaxes(shape, bias, run).await?;
    }
    Ok(())
}

/// Softmax of scaled scores with and without a bias that masks every third key.
async fn softmaxes(shape: [usize; 4], bias: Option<[usize; 4]>, run: &mut Run<'_>) -> Result<()> {
    const SCALE: f64 = 0.125;
    let [_, heads, queries, keys] = shape;
    let scores = Distribution::Outliers.values(shape.iter().product(), &mut run.rng);
    let added = bias.map(|shape| {
        let values = Distribution::Even
            .values(shape.iter().product(), &mut run.rng)
            .into_iter();
        let masked = |(i, x): (usize, f32)| if i % keys % 3 == 2 { -1e30 } else { 10.0 * x };
        (shape, values.enumerate().map(masked).collect::<Vec<_>>())
    });
    let bias_at = |row: usize, key: usize| match &added {
        None => 0.0,
        Some(([entries, h, q, _], values)) => {
            let entry = row / (heads * queries) % entries;
            let (head, query) = (row / queries % heads % h, row % queries % q);
            f64::from(values[((entry * h + head) * q + query) * keys + key])
        }
    };
    let mut expected = vec![];
    for (row, scores) in scores.chunks(keys).enumerate() {
        let biased = scores.iter().enumerate();
        let biased = biased.map(|(key, &score)| SCALE * f64::from(score) + bias_at(row, key));
        let biased: Vec<f64> = biased.collect();
        let largest = biased.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = biased.iter().map(|x| (x - largest).exp()).sum();
        expected.extend(biased.iter().map(|x| ((x - largest).exp() / sum) as f32));
    }
    with_each_plan(run.device, async |plan| {
        let bias = added
            .as_ref()
            .map(|(shape, values)| tensor(values, *shape, run.device));
        let name = format!(
            "softmax {shape:?} with {:?} {plan}",
            bias.as_ref().map(Tensor::<4>::dims)
        );
        let found = read(softmax(tensor(&scores, shape, run.device), bias, SCALE)).await?;
        run.checks
            .push(Check::values(name, &found, &expected, 1e-5));
        Ok(())
    })
    .await
}
