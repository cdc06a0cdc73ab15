//! Attention.

use super::{Distribution, Run, tensor};
use crate::compute::device::{DeviceKind, read, with_each_plan};
use crate::compute::{attend_few, attend_many, attend_step, contiguous};
use crate::error::Result;
use crate::testing::Check;
use burn::tensor::Tensor;

/// A case of attention: `[batch, heads, queries, seen keys, width of a head]`, and the shape of what is added to the scores.
type Attention = ([usize; 5], Option<[usize; 4]>);

/// Up to a run of keys and more, and widths that leave threads idle.
const ATTENTION_OF_FEW: &[Attention] = &[
    ([1, 1, 1, 1, 4], None),
    ([2, 3, 1, 7, 8], Some([1, 3, 1, 7])),
    ([1, 2, 5, 65, 12], None),
    ([2, 2, 8, 130, 64], Some([2, 1, 1, 130])),
    ([1, 12, 1, 1300, 64], Some([1, 12, 1, 1300])),
    ([1, 2, 3, 400, 256], Some([1, 2, 3, 400])),
];

/// Groups of queries, keys and widths that fill their last vectors and that do not.
const ATTENTION_OF_MANY: &[Attention] = &[
    ([1, 1, 4, 1, 1], None),
    ([2, 3, 9, 21, 5], Some([1, 3, 9, 21])),
    ([2, 2, 6, 130, 64], Some([2, 1, 1, 130])),
    ([1, 2, 67, 66, 72], None),
    ([3, 1, 40, 48, 32], Some([1, 1, 40, 48])),
];

pub(super) async fn check(run: &mut Run<'_>) -> Result<()> {
    let cases = match run.kind {
        DeviceKind::Cpu => ATTENTION_OF_MANY,
        DeviceKind::Wgpu => ATTENTION_OF_FEW,
    };
    for &(shape, bias) in cases {
        attention(shape, bias, run).await?;
    }
    Ok(())
}

/// Attention of few queries, on the processor of many, against a plain one; the bias masks every third key. With one query also
/// as a step, whose new key and value stand last. What lies behind the seen keys is not read.
async fn attention(
    [batch, heads, queries, length, width]: [usize; 5],
    bias: Option<[usize; 4]>,
    run: &mut Run<'_>,
) -> Result<()> {
    const SCALE: f64 = 0.25;
    const BEHIND: usize = 2;
    let inner = heads * width;
    let q = Distribution::Even.values(batch * queries * inner, &mut run.rng);
    let [keys, values] =
        [(); 2].map(|()| Distribution::Even.values(batch * inner * length, &mut run.rng));
    let added = bias.map(|shape| {
        let values = Distribution::Even
            .values(shape.iter().product(), &mut run.rng)
            .into_iter();
        let masked = |(i, x): (usize, f32)| if i % length % 3 == 2 { -1e30 } else { 10.0 * x };
        (shape, values.enumerate().map(masked).collect::<Vec<_>>())
    });
    let mut expected = vec![];
    for at in 0..batch * queries * heads {
        let (entry, query, head) = (at / (queries * heads), at / heads % queries, at % heads);
        let q = &q[at * width..][..width];
        let past = (entry * heads + head) * length * width;
        let score = |key: usize| {
            let k = &keys[past + key * width..][..width];
            let products = q.iter().zip(k).map(|(&q, &k)| f64::from(q) * f64::from(k));
            let bias = added.as_ref().map_or(0.0, |([e, h, q, _], values)| {
                let row = (entry % e * h + head % h) * q + query % q;
                f64::from(values[row * length + key])
            });
            SCALE * products.sum::<f64>() + bias
        };
        let scores: Vec<f64> = (0..length).map(score).collect();
        let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let weights: Vec<f64> = scores.iter().map(|x| (x - largest).exp()).collect();
        let total: f64 = weights.iter().sum();
        expected.extend((0..width).map(|column| {
            let weighed = weights.iter().enumerate();
            let weighed =
                weighed.map(|(key, w)| w * f64::from(values[past + key * width + column]));
            (weighed.sum::<f64>() / total) as f32
        }));
    }
    let device = run.device;
    let past = |values: &[f32], count: usize| {
        let past = tensor(values, [batch, heads, length, width], device).narrow(2, 0, count);
        past.pad((0, 0, 0, length + BEHIND - count), f32::NAN)
    };
    let bias = added
        .as_ref()
        .map(|(shape, values)| tensor(values, *shape, device));
    let name = format!(
        "attention {batch}x{heads}x{queries}x{length}x{width} with {:?}",
        bias.as_ref().map(Tensor::<4>::dims)
    );
    let both = [past(&keys, length), past(&values, length)];
    let of = |values: &[f32]| tensor(values, [batch, queries, inner], device);
    let q = of(&q);
    let kind = run.kind;
    with_each_plan(device, async |plan| {
        let name = format!("{name} {plan}");
        let found = match kind {
            DeviceKind::Cpu => {
                // As a model has them: heads side by side in memory.
                let by_tokens = |x: &Tensor<4>| contiguous(x.clone().swap_dims(1, 2));
                let both = both.each_ref().map(|x| by_tokens(x).swap_dims(1, 2));
                let q = q.clone().reshape([batch, queries, heads, width]);
                let q = q.swap_dims(1, 2);
                let y = attend_many(&q, both.each_ref(), length, bias.as_ref(), SCALE);
                y.map(|y| y.swap_dims(1, 2).reshape([batch, queries, inner]))
            }
            DeviceKind::Wgpu => attend_few(&q, both.each_ref(), length, || bias.clone(), SCALE),
        };
        let Some(found) = found else {
            run.checks.push(Check::equal(name, &"nothing", &"values"));
            return Ok(());
        };
        let found = read(found).await?;
        run.checks
            .push(Check::values(&name, &found, &expected, 1e-5));
        let (1, Some(bias)) = (queries, &bias) else {
            return Ok(());
        };
        let last = |values: &[f32]| {
            let heads = values.chunks(length * width);
            let last = heads.flat_map(|head| &head[(length - 1) * width..]);
            of(&last.copied().collect::<Vec<_>>())
        };
        let token = [q.clone(), last(&keys), last(&values)].map(|x| x.squeeze_dim::<2>(1));
        let token = Tensor::stack(token.to_vec(), 0);
        let both = [past(&keys, length - 1), past(&values, length - 1)];
        let found = attend_step(&token, both.each_ref(), length - 1, bias, SCALE);
        let (found, name) = (read(found).await?, format!("{name}, a step"));
        run.checks
            .push(Check::values(name, &found, &expected, 1e-5));
        Ok(())
    })
    .await
}
