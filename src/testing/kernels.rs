//! Each kernel, the processor's included, against the plain product, on ragged and extreme inputs.
//!
//! Bounds are relative to what a sum is made of, the only size that rounding errors know.

use super::Check;
use crate::compute::dense::{times_as, times_transposed_as};
use crate::compute::device::{self, DeviceKind};
use crate::compute::{self, Added, Plan, Quantized, cpu};
use crate::error::Result;
use crate::nn::Activation;
use crate::quant::{BLOCK, Effort, Packed, QuantFormat, blocks, dequantize, quantize};
use burn::tensor::{Device, Int, Tensor, TensorData};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

/// `[rows, out_features, in_features]`: one and few and many rows, and every kind of remainder that a kernel has to mind.
const SHAPES: &[[usize; 3]] = &[
    [1, 1, 32],
    [1, 5, 64],
    [2, 130, 96],
    [3, 64, 1056],
    [8, 67, 320],
    [9, 33, 32],
    [17, 65, 160],
    [64, 64, 64],
    [65, 131, 588],
    [100, 40, 4304],
    [113, 130, 800],
    [24, 3, 288],
];

/// Error of a sum, of what it is made of.
const TOLERANCE: f64 = 2e-5;

/// Values of one size, or with outliers a thousand times larger, or tiny, or zero.
const KINDS: &[Kind] = &[Kind::Even, Kind::Outliers, Kind::Tiny, Kind::Zero];

#[derive(Debug, Clone, Copy)]
enum Kind {
    Even,
    Outliers,
    Tiny,
    Zero,
}

impl Kind {
    fn values(self, count: usize, rng: &mut Pcg64Mcg) -> Vec<f32> {
        let mut next = || rng.random::<f32>() * 2.0 - 1.0;
        (0..count)
            .map(|i| match self {
                Kind::Even => next(),
                Kind::Outliers if i % 61 == 7 => 1000.0 * next(),
                Kind::Outliers => next(),
                Kind::Tiny => 1e-6 * next(),
                Kind::Zero => 0.0,
            })
            .collect()
    }
}

/// Runs all shapes, formats and kinds on `device`, with all kernels that it has.
///
/// # Errors
/// When the device fails; differences are in the checks.
pub async fn run(device: &Device, kind: DeviceKind) -> Result<Vec<Check>> {
    let mut rng = Pcg64Mcg::seed_from_u64(11);
    let mut checks = vec![];
    for format in [QuantFormat::Q8, QuantFormat::Q4] {
        for (i, &[rows, out_features, in_features]) in SHAPES.iter().enumerate() {
            let values = KINDS[i % KINDS.len()];
            let weights = values.values(out_features * in_features, &mut rng);
            let packed = quantize(format, &weights, in_features, Effort::Fast);
            let x = KINDS[(i / 2) % 3].values(rows * in_features, &mut rng);
            let case = Case {
                name: format!(
                    "{} {values:?} {rows}x{in_features}->{out_features}",
                    format.name()
                ),
                format,
                shape: [out_features, in_features],
                packed,
                x,
            };
            case.products(device, kind, &mut checks).await?;
            case.combined(device, kind, &mut rng, &mut checks).await?;
            case.rows(device, &mut checks).await?;
        }
    }
    for &shape in DENSE {
        dense(shape, device, kind, &mut rng, &mut checks).await?;
    }
    for [rows, width] in [[1, 1], [3, 7], [2, 130], [65, 768], [40_000, 3]] {
        norms([rows, width], device, kind, &mut rng, &mut checks).await?;
    }
    for &(shape, bias) in SCORES {
        softmax(shape, bias, device, kind, &mut rng, &mut checks).await?;
    }
    for count in [1, 255, 257, 70_001] {
        activations(count, device, &mut rng, &mut checks).await?;
    }
    for [rows, heads, room, width] in [[1, 1, 1, 1], [2, 3, 5, 7], [3, 4, 9, 64]] {
        append([rows, heads, room, width], device, &mut rng, &mut checks).await?;
    }
    let attentions = match kind {
        DeviceKind::Cpu => ATTENTION_OF_MANY,
        DeviceKind::Wgpu => ATTENTION_OF_FEW,
    };
    for &(shape, bias) in attentions {
        attention(shape, bias, device, kind, &mut rng, &mut checks).await?;
    }
    if kind == DeviceKind::Wgpu {
        for (vocabulary, count) in [(1, 1), (7, 7), (300, 5), (32_128, 2), (32_128, 80)] {
            best(vocabulary, count, device, &mut rng, &mut checks).await?;
        }
    }
    Ok(checks)
}

/// What to choose from on a device: the processor has one kernel of each kind.
fn plans(kind: DeviceKind) -> Vec<Plan> {
    match kind {
        DeviceKind::Cpu => vec![Plan::SIMPLEST],
        DeviceKind::Wgpu => Plan::possible(),
    }
}

/// `[batch, batches of the second factor, rows, outputs, inner]`
const DENSE: &[[usize; 5]] = &[
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
];

/// Both products of floats against plain ones.
async fn dense(
    [batch, b_batch, rows, outputs, inner]: [usize; 5],
    device: &Device,
    kind: DeviceKind,
    rng: &mut Pcg64Mcg,
    checks: &mut Vec<Check>,
) -> Result<()> {
    let a = Kind::Outliers.values(batch * rows * inner, rng);
    let b = Kind::Even.values(b_batch * outputs * inner, rng);
    let tensor = |values: &[f32], shape: [usize; 3]| {
        Tensor::<3>::from_data(TensorData::new(values.to_vec(), shape), device)
    };
    // Rows that are not to be read, where there is more than one batch entry.
    let with_room = |b: Tensor<3>| match b_batch {
        1 => b,
        _ => b.pad((0, 0, 0, 3), f32::NAN),
    };
    let plans = plans(kind);
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
        for &plan in &plans {
            let a = tensor(&a, [batch, rows, inner]);
            let y = match transposed {
                true => {
                    let b = with_room(tensor(&b, [b_batch, outputs, inner]));
                    times_transposed_as(a, b, outputs, plan)
                }
                false => times_as(a, with_room(tensor(&b, [b_batch, inner, outputs])), plan),
            };
            let name = format!("{batch}x{rows}x{inner}->{outputs} {transposed} {plan}");
            let found = device::read(y).await?.into_iter().map(f64::from);
            let found = relative(found.collect(), &sizes);
            checks.push(Check::values(name, &found, &exact, 1e-5));
        }
    }
    Ok(())
}

/// Both norms of rows far from the origin; in the last case there are more rows than a grid has in one dimension.
async fn norms(
    [rows, width]: [usize; 2],
    device: &Device,
    kind: DeviceKind,
    rng: &mut Pcg64Mcg,
    checks: &mut Vec<Check>,
) -> Result<()> {
    const EPS: f64 = 1e-6;
    let x: Vec<f32> = Kind::Even.values(rows * width, rng);
    let x: Vec<f32> = x.into_iter().map(|x| x + 3.0).collect();
    let (weight, bias) = (Kind::Even.values(width, rng), Kind::Even.values(width, rng));
    let tensor = Tensor::<2>::from_data(TensorData::new(x.clone(), [rows, width]), device);
    let one =
        |values: &[f32]| Tensor::<1>::from_data(TensorData::new(values.to_vec(), [width]), device);
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
    for plan in plans(kind) {
        let name = format!("{rows}x{width} {plan}");
        let found = kernels::rms_norm_as(tensor.clone(), one(&weight), EPS, plan);
        let (found, name_of_it) = (device::read(found).await?, format!("rms norm {name}"));
        checks.push(Check::values(name_of_it, &found, &expected(false), 1e-5));
        let found = kernels::layer_norm_as(tensor.clone(), one(&weight), one(&bias), EPS, plan);
        let (found, name_of_it) = (device::read(found).await?, format!("layer norm {name}"));
        // The differences from the mean are smaller than what they are taken from.
        checks.push(Check::values(name_of_it, &found, &expected(true), 1e-4));
    }
    Ok(())
}

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

/// Softmax of scaled scores with and without a bias that masks every third key.
async fn softmax(
    shape: [usize; 4],
    bias: Option<[usize; 4]>,
    device: &Device,
    kind: DeviceKind,
    rng: &mut Pcg64Mcg,
    checks: &mut Vec<Check>,
) -> Result<()> {
    const SCALE: f64 = 0.125;
    let [_, heads, queries, keys] = shape;
    let scores = Kind::Outliers.values(shape.iter().product(), rng);
    let added = bias.map(|shape| {
        let values = Kind::Even.values(shape.iter().product(), rng).into_iter();
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
    let tensor = |values: &[f32], shape: [usize; 4]| {
        Tensor::<4>::from_data(TensorData::new(values.to_vec(), shape), device)
    };
    for plan in plans(kind) {
        let bias = added.as_ref().map(|(shape, values)| tensor(values, *shape));
        let name = format!(
            "softmax {shape:?} with {:?} {plan}",
            bias.as_ref().map(Tensor::dims)
        );
        let found = kernels::softmax_as(tensor(&scores, shape), bias, SCALE, plan);
        let found = device::read(found).await?;
        checks.push(Check::values(name, &found, &expected, 1e-5));
    }
    Ok(())
}

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

/// Attention of few queries, on the processor of many, against a plain one; the bias masks every third key. With one query also
/// as a step, whose new key and value stand last. What lies behind the seen keys is not read.
async fn attention(
    [batch, heads, queries, length, width]: [usize; 5],
    bias: Option<[usize; 4]>,
    device: &Device,
    kind: DeviceKind,
    rng: &mut Pcg64Mcg,
    checks: &mut Vec<Check>,
) -> Result<()> {
    const SCALE: f64 = 0.25;
    const BEHIND: usize = 2;
    let inner = heads * width;
    let q = Kind::Even.values(batch * queries * inner, rng);
    let [keys, values] = [(); 2].map(|()| Kind::Even.values(batch * inner * length, rng));
    let added = bias.map(|shape| {
        let values = Kind::Even.values(shape.iter().product(), rng).into_iter();
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
    let tensor = |values: &[f32], shape: [usize; 4]| {
        Tensor::<4>::from_data(TensorData::new(values.to_vec(), shape), device)
    };
    let seen = |values: &[f32], count: usize| {
        let seen = tensor(values, [batch, heads, length, width]).narrow(2, 0, count);
        seen.pad((0, 0, 0, length + BEHIND - count), f32::NAN)
    };
    let bias = added.as_ref().map(|(shape, values)| tensor(values, *shape));
    let name = format!(
        "attention {batch}x{heads}x{queries}x{length}x{width} with {:?}",
        bias.as_ref().map(Tensor::dims)
    );
    let both = [seen(&keys, length), seen(&values, length)];
    let of = |values: &[f32]| tensor(values, [1, batch, queries, inner]).squeeze_dim::<3>(0);
    let q = of(&q);
    for plan in plans(kind) {
        let name = format!("{name} {plan}");
        let found = match kind {
            DeviceKind::Cpu => {
                // As a model has them: heads side by side in memory.
                let by_tokens = |x: &Tensor<4>| kernels::contiguous(x.clone().swap_dims(1, 2));
                let both = both.each_ref().map(|x| by_tokens(x).swap_dims(1, 2));
                let q = q.clone().reshape([batch, queries, heads, width]);
                let q = q.swap_dims(1, 2);
                let y = kernels::attend_many(&q, both.each_ref(), length, bias.as_ref(), SCALE);
                y.map(|y| y.swap_dims(1, 2).reshape([batch, queries, inner]))
            }
            DeviceKind::Wgpu => {
                kernels::attend_few(&q, both.each_ref(), length, || bias.clone(), SCALE, plan)
            }
        };
        let Some(found) = found else {
            checks.push(Check::equal(name, &"nothing", &"values"));
            return Ok(());
        };
        let found = device::read(found).await?;
        checks.push(Check::values(&name, &found, &expected, 1e-5));
        let (1, Some(bias)) = (queries, &bias) else {
            continue;
        };
        let last = |values: &[f32]| {
            let heads = values.chunks(length * width);
            let last = heads.flat_map(|head| &head[(length - 1) * width..]);
            of(&last.copied().collect::<Vec<_>>())
        };
        let token = [q.clone(), last(&keys), last(&values)].map(|x| x.squeeze_dim::<2>(1));
        let token = Tensor::stack(token.to_vec(), 0);
        let both = [seen(&keys, length - 1), seen(&values, length - 1)];
        let found = kernels::attend_step(&token, both.each_ref(), length - 1, bias, SCALE, plan);
        let found = device::read(found).await?;
        let name = format!("{name}, a step");
        checks.push(Check::values(name, &found, &expected, 1e-5));
    }
    Ok(())
}

/// Each activation, alone and as a gate, of numbers from -200 to 200.
async fn activations(
    count: usize,
    device: &Device,
    rng: &mut Pcg64Mcg,
    checks: &mut Vec<Check>,
) -> Result<()> {
    let values = Kind::Even.values(count, rng).into_iter().enumerate();
    let x: Vec<f32> = values
        .map(|(i, x)| if i % 5 == 0 { 200.0 * x } else { 4.0 * x })
        .collect();
    let linear = Kind::Even.values(count, rng);
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let tensor =
        |values: &[f32]| Tensor::<1>::from_data(TensorData::new(values.to_vec(), [count]), device);
    for of in [
        Activation::Relu,
        Activation::GeluTanh,
        Activation::QuickGelu,
        Activation::Silu,
    ] {
        let exact = |x: f64| match of {
            Activation::Relu => x.max(0.0),
            Activation::QuickGelu => x * sigmoid(1.702 * x),
            Activation::Silu => x * sigmoid(x),
            _ => {
                let u = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x.powi(3));
                0.5 * x * (1.0 + u.tanh())
            }
        };
        let alone: Vec<f32> = x.iter().map(|&x| exact(f64::from(x)) as f32).collect();
        let gated: Vec<f32> = alone.iter().zip(&linear).map(|(a, b)| a * b).collect();
        for (expected, gate) in [(alone, None), (gated, Some(tensor(&linear)))] {
            let name = format!("{of:?} of {count}, a gate: {}", gate.is_some());
            let found = device::read(kernels::activate(of, tensor(&x), gate)).await?;
            let in_parts = |values: &[f32]| -> Vec<f32> {
                let pairs = values.iter().zip(&x);
                pairs.map(|(value, x)| value / x.abs().max(1.0)).collect()
            };
            let (found, expected) = (in_parts(&found), in_parts(&expected));
            checks.push(Check::values(name, &found, &expected, 1e-5));
        }
    }
    Ok(())
}

/// A token's keys and values at the first, a middle and the last position, all others left as they were.
async fn append(
    shape: [usize; 4],
    device: &Device,
    rng: &mut Pcg64Mcg,
    checks: &mut Vec<Check>,
) -> Result<()> {
    let [rows, heads, room, width] = shape;
    let count = rows * heads * width;
    let tensor = |values: &[f32], shape: [usize; 4]| {
        Tensor::<4>::from_data(TensorData::new(values.to_vec(), shape), device)
    };
    let mut expected = [(); 2].map(|()| Kind::Even.values(count * room, rng));
    let mut whole = [0, 1].map(|i| tensor(&expected[i], shape));
    for position in [0, room / 2, room - 1] {
        let token = [(); 2].map(|()| Kind::Even.values(count, rng));
        for (all, token) in expected.iter_mut().zip(&token) {
            for (all, token) in all.chunks_mut(room * width).zip(token.chunks(width)) {
                all[position * width..][..width].copy_from_slice(token);
            }
        }
        let token = token.map(|token| tensor(&token, [rows, heads, 1, width]));
        whole = kernels::append(whole, token, position);
    }
    for (what, (found, expected)) in ["keys", "values"]
        .iter()
        .zip(whole.into_iter().zip(&expected))
    {
        let name = format!("append {what} to {shape:?}");
        checks.push(Check::values(
            name,
            &device::read(found).await?,
            expected,
            0.0,
        ));
    }
    Ok(())
}

/// The best of three rows of scores, with equals among them, against a sort.
async fn best(
    vocabulary: usize,
    count: usize,
    device: &Device,
    rng: &mut Pcg64Mcg,
    checks: &mut Vec<Check>,
) -> Result<()> {
    // Rounded to quarters: most scores have an equal.
    let scores: Vec<f32> = Kind::Even
        .values(3 * vocabulary, rng)
        .into_iter()
        // Adding zero: the sort would put -0 behind 0, which are equals.
        .map(|x| (x * 40.0).round() / 4.0 + 0.0)
        .collect();
    let data = TensorData::new(scores.clone(), [3, vocabulary]);
    let tensor = Tensor::<2>::from_data(data, device);
    let name = format!("best {count} of {vocabulary}");
    let Some(found) = kernels::best_tokens(&tensor, count) else {
        checks.push(Check::equal(name, &"nothing", &"tokens"));
        return Ok(());
    };
    for (row, found) in scores.chunks(vocabulary).zip(found.read().await?) {
        let mut order: Vec<u32> = (0..vocabulary as u32).collect();
        order.sort_by(|&a, &b| row[b as usize].total_cmp(&row[a as usize]));
        order.truncate(count);
        checks.push(Check::equal(&name, &found.token_ids, &order));
        let sum: f64 = row.iter().map(|&x| f64::from(x).exp()).sum();
        let expected = [row[order[0] as usize], sum.ln() as f32];
        let found = [found.logits[0], found.log_sum_exp];
        checks.push(Check::values(&name, &found, &expected, 1e-5));
    }
    Ok(())
}

struct Case {
    name: String,
    format: QuantFormat,
    shape: [usize; 2],
    packed: Packed,
    x: Vec<f32>,
}

impl Case {
    fn matrix(&self, device: &Device) -> Quantized {
        let words = self.packed.words.clone();
        Quantized::new(self.format, self.shape, words, &self.packed.scales, device)
    }

    async fn products(
        &self,
        device: &Device,
        kind: DeviceKind,
        checks: &mut Vec<Check>,
    ) -> Result<()> {
        let [out_features, in_features] = self.shape;
        let rows = self.x.len() / in_features;
        let (exact, sizes) = self.exact(kind);
        let exact = relative(exact, &sizes);
        let matrix = self.matrix(device);
        for plan in plans(kind) {
            let data = TensorData::new(self.x.clone(), [rows, in_features]);
            let x = Tensor::<2>::from_data(data, device);
            let found = kernels::matmul_as(x, &matrix, Added::default(), plan);
            let name = format!("{} {plan}", self.name);
            checks.push(Check::equal(&name, &found.dims(), &[rows, out_features]));
            let found = device::read(found).await?.into_iter().map(f64::from);
            let found = relative(found.collect(), &sizes);
            checks.push(Check::values(name, &found, &exact, TOLERANCE));
        }
        Ok(())
    }

    /// What is made of products on the way out: added to something, three side by side, one the gate of another.
    async fn combined(
        &self,
        device: &Device,
        kind: DeviceKind,
        rng: &mut Pcg64Mcg,
        checks: &mut Vec<Check>,
    ) -> Result<()> {
        let [out_features, in_features] = self.shape;
        let rows = self.x.len() / in_features;
        let count = rows * out_features;
        let weights = Kind::Even.values(out_features * in_features, rng);
        let other = Case {
            name: String::new(),
            packed: quantize(self.format, &weights, in_features, Effort::Fast),
            x: self.x.clone(),
            ..*self
        };
        let onto = Kind::Even.values(count, rng);
        let bias = Kind::Even.values(out_features, rng);
        let (a, b) = (self.exact(kind), other.exact(kind));
        let sums_and_sizes = |of: &dyn Fn(usize) -> (f64, f64)| (0..count).map(of).unzip();
        let added = [(true, false), (false, true), (true, true)].map(|which| {
            let sums: (Vec<f64>, Vec<f64>) = sums_and_sizes(&|i| {
                let of = |there: bool, value: f32| if there { f64::from(value) } else { 0.0 };
                let (bias, onto) = (of(which.0, bias[i % out_features]), of(which.1, onto[i]));
                (a.0[i] + bias + onto, a.1[i] + bias.abs() + onto.abs())
            });
            (which, sums)
        });
        let gated: (Vec<f64>, Vec<f64>) = sums_and_sizes(&|i| {
            let gate = a.0[i] / (1.0 + (-a.0[i]).exp());
            // Both factors' errors; the gate is nowhere steeper than 1.1.
            let size =
                1.1 * a.1[i] * b.0[i].abs() + gate.abs() * b.1[i] + TOLERANCE * a.1[i] * b.1[i];
            (gate * b.0[i], size)
        });
        // WebGPU binds no buffer twice: the third matrix is a copy of the first.
        let (one, two) = (self.matrix(device), other.matrix(device));
        let copy = self.matrix(device);
        for plan in plans(kind) {
            let tensor = |values: &[f32], width: usize| {
                let data = TensorData::new(values.to_vec(), [rows, width]);
                Tensor::<2>::from_data(data, device)
            };
            let x = tensor(&self.x, in_features);
            let mut check = |what: &str, found: Vec<f32>, (sums, sizes): &(Vec<f64>, Vec<f64>)| {
                let found = relative(found.into_iter().map(f64::from).collect(), sizes);
                let name = format!("{} {plan}, {what}", self.name);
                let expected = relative(sums.clone(), sizes);
                checks.push(Check::values(name, &found, &expected, TOLERANCE));
            };
            for ((to_rows, to_all), expected) in &added {
                let data = TensorData::new(bias.clone(), [out_features]);
                let added = Added {
                    bias: to_rows.then(|| Tensor::<1>::from_data(data, device)),
                    onto: to_all.then(|| tensor(&onto, out_features)),
                };
                let found = device::read(kernels::matmul_as(x.clone(), &one, added, plan)).await?;
                let what = format!("a bias: {to_rows}, onto: {to_all}");
                check(&what, found, expected);
            }
            let found = kernels::matmul_gated(x.clone(), [&one, &two], Activation::Silu, plan);
            check("gated", device::read(found).await?, &gated);
            if let Some(found) = kernels::matmul_three(&x, [&one, &two, &copy], plan) {
                let found = device::read(found).await?;
                for (i, expected) in [&a, &b, &a].into_iter().enumerate() {
                    let found = found[i * count..][..count].to_vec();
                    check(&format!("number {i} of three"), found, expected);
                }
            }
        }
        Ok(())
    }

    /// The product in 64-bit floats, and for each sum the size that its error is a part of: the sum of the products'
    /// magnitudes, and on the processor so much more that [`TOLERANCE`] of it is what its integers may lose.
    fn exact(&self, kind: DeviceKind) -> (Vec<f64>, Vec<f64>) {
        let [out_features, in_features] = self.shape;
        let Packed { words, scales } = &self.packed;
        let dense = dequantize(self.format, words, scales, in_features);
        let rows = self.x.len() / in_features;
        let rounding = cpu::rounding(rows, self.format);
        let row_blocks = blocks(in_features);
        let sum = |i: usize| {
            let (row, output) = (i / out_features, i % out_features);
            let x = self.x[row * in_features..][..in_features].chunks(rounding.segment);
            let w = dense[output * in_features..][..in_features].chunks(rounding.segment);
            let scales =
                scales[output * row_blocks..][..row_blocks].chunks(rounding.segment / BLOCK);
            let (mut sum, mut size) = (0.0, 0.0);
            for ((x, w), scales) in x.zip(w).zip(scales) {
                let largest_x = x.iter().fold(0f32, |largest, x| largest.max(x.abs()));
                let largest_scale = scales.iter().map(|scale| scale.to_f32().abs());
                let largest_scale = largest_scale.fold(0f32, f32::max);
                let x_off = f64::from(largest_x) * rounding.activations;
                let w_off = f64::from(largest_scale) * rounding.weights;
                for (&x, &w) in x.iter().zip(w) {
                    let (x, w) = (f64::from(x), f64::from(w));
                    sum += x * w;
                    size += (x * w).abs();
                    if kind == DeviceKind::Cpu {
                        size += (w.abs() * x_off + x.abs() * w_off) / TOLERANCE;
                    }
                }
            }
            (sum, size)
        };
        (0..rows * out_features).map(sum).unzip()
    }

    /// Rows by their ids, the first and last among them, one twice: equal to the bit.
    async fn rows(&self, device: &Device, checks: &mut Vec<Check>) -> Result<()> {
        let last = self.shape[0] as i32 - 1;
        let ids = vec![last, 0, last / 2, last];
        let look_up = |device: &Device| {
            let ids = Tensor::<1, Int>::from_data(TensorData::new(ids.clone(), [4]), device);
            kernels::rows(ids, &self.matrix(device))
        };
        let twin = device::read(look_up(&device::cpu())).await?;
        let found = device::read(look_up(device)).await?;
        checks.push(Check::values(
            format!("{} rows", self.name),
            &found,
            &twin,
            0.0,
        ));
        Ok(())
    }
}

/// Sums in parts of their sizes.
fn relative(sums: Vec<f64>, sizes: &[f64]) -> Vec<f64> {
    let pairs = sums.into_iter().zip(sizes);
    pairs.map(|(sum, size)| sum / (size + 1e-30)).collect()
}

// A row takes whole blocks: the shapes above have to have rows that do not.
const _: () = assert!(!SHAPES[8][2].is_multiple_of(BLOCK));
