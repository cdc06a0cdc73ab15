//! Products with quantized matrices, what is made of them on the way out, and their rows.

use super::{DISTRIBUTIONS, Distribution, LARGE_VOCABULARY, Run, read, relative, tensor};
use crate::compute::device::{self, DeviceKind, with_each_plan};
use crate::compute::{
    Activation, Epilogue, QuantizedMatrix, cpu, product, product_gated, product_three, rows,
};
use crate::error::Result;
use crate::formats::blocks::{BLOCK, Effort, Packed, QuantFormat, blocks, dequantize, quantize};
use crate::testing::Check;
use burn::tensor::{Device, Int, Tensor, TensorData};

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

// A row takes whole blocks: the shapes above have to have rows that do not.
const _: () = assert!(!SHAPES[8][2].is_multiple_of(BLOCK));

/// Error of a sum, of what it is made of.
const TOLERANCE: f64 = 2e-5;

pub(super) async fn check(run: &mut Run<'_>) -> Result<()> {
    for format in [QuantFormat::Q8, QuantFormat::Q4] {
        for (i, &shape) in SHAPES.iter().enumerate() {
            let distributions = [
                DISTRIBUTIONS[i % DISTRIBUTIONS.len()],
                DISTRIBUTIONS[(i / 2) % 3],
            ];
            let case = Case::new(format, shape, distributions, run);
            case.products(run).await?;
            case.combined(run).await?;
            let last = shape[1] as i32 - 1;
            // The first and last among them, one twice.
            case.rows(vec![last, 0, last / 2, last], run).await?;
        }
    }
    // More outputs, and more rows, than WebGPU takes workgroups in one dimension.
    let shape = [3, LARGE_VOCABULARY, BLOCK];
    let case = Case::new(QuantFormat::Q4, shape, [Distribution::Even; 2], run);
    case.products(run).await?;
    case.rows(vec![0, LARGE_VOCABULARY as i32 - 1], run).await?;
    let case = Case::new(QuantFormat::Q4, [1, 7, BLOCK], [Distribution::Even; 2], run);
    case.rows((0..70_000).map(|i| i % 7).collect(), run).await
}

struct Case {
    name: String,
    format: QuantFormat,
    shape: [usize; 2],
    packed: Packed,
    x: Vec<f32>,
}

impl Case {
    /// Weights and then activations with these values.
    fn new(
        format: QuantFormat,
        [rows, out_features, in_features]: [usize; 3],
        [of_weights, of_x]: [Distribution; 2],
        run: &mut Run<'_>,
    ) -> Self {
        let weights = of_weights.values(out_features * in_features, &mut run.rng);
        Self {
            name: format!(
                "{} {of_weights:?} {rows}x{in_features}->{out_features}",
                format.name()
            ),
            format,
            shape: [out_features, in_features],
            packed: quantize(format, &weights, in_features, Effort::Fast),
            x: of_x.values(rows * in_features, &mut run.rng),
        }
    }

    fn matrix(&self, device: &Device) -> QuantizedMatrix {
        let words = self.packed.words.clone();
        QuantizedMatrix::new(self.format, self.shape, words, &self.packed.scales, device)
    }

    async fn products(&self, run: &mut Run<'_>) -> Result<()> {
        let [out_features, in_features] = self.shape;
        let rows = self.x.len() / in_features;
        let (exact, sizes) = self.exact(run.kind);
        let exact = relative(exact, &sizes);
        let matrix = self.matrix(run.device);
        with_each_plan(run.device, async |plan| {
            let x = tensor(&self.x, [rows, in_features], run.device);
            let found = product(x, &matrix, Epilogue::default());
            let name = format!("{} {plan}", self.name);
            run.checks
                .push(Check::equal(&name, &found.dims(), &[rows, out_features]));
            let found = relative(read(found).await?, &sizes);
            run.checks
                .push(Check::values(name, &found, &exact, TOLERANCE));
            Ok(())
        })
        .await
    }

    /// What is made of products on the way out: added to something, three side by side, one the gate of another.
    async fn combined(&self, run: &mut Run<'_>) -> Result<()> {
        let (device, kind) = (run.device, run.kind);
        let [out_features, in_features] = self.shape;
        let rows = self.x.len() / in_features;
        let count = rows * out_features;
        let weights = Distribution::Even.values(out_features * in_features, &mut run.rng);
        let other = Case {
            name: String::new(),
            packed: quantize(self.format, &weights, in_features, Effort::Fast),
            x: self.x.clone(),
            ..*self
        };
        let residual = Distribution::Even.values(count, &mut run.rng);
        let bias = Distribution::Even.values(out_features, &mut run.rng);
        let (a, b) = (self.exact(kind), other.exact(kind));
        let sums_and_sizes = |of: &dyn Fn(usize) -> (f64, f64)| (0..count).map(of).unzip();
        let epilogues = [(true, false), (false, true), (true, true)].map(|which| {
            let sums: (Vec<f64>, Vec<f64>) = sums_and_sizes(&|i| {
                let of = |there: bool, value: f32| if there { f64::from(value) } else { 0.0 };
                let bias = of(which.0, bias[i % out_features]);
                let residual = of(which.1, residual[i]);
                let size = a.1[i] + bias.abs() + residual.abs();
                (a.0[i] + bias + residual, size)
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
        with_each_plan(device, async |plan| {
            let x = tensor(&self.x, [rows, in_features], device);
            let mut check = |what: &str, found: Vec<f64>, (sums, sizes): &(Vec<f64>, Vec<f64>)| {
                let name = format!("{} {plan}, {what}", self.name);
                let (found, expected) = (relative(found, sizes), relative(sums.clone(), sizes));
                run.checks
                    .push(Check::values(name, &found, &expected, TOLERANCE));
            };
            for ((to_rows, to_all), expected) in &epilogues {
                let epilogue = Epilogue {
                    bias: to_rows.then(|| tensor(&bias, [out_features], device)),
                    residual: to_all.then(|| tensor(&residual, [rows, out_features], device)),
                };
                let found = read(product(x.clone(), &one, epilogue)).await?;
                let what = format!("a bias: {to_rows}, a residual stream: {to_all}");
                check(&what, found, expected);
            }
            let found = product_gated(x.clone(), [&one, &two], Activation::Silu);
            check("gated", read(found).await?, &gated);
            if let Some(found) = product_three(&x, [&one, &two, &copy]) {
                let found = read(found).await?;
                for (i, expected) in [&a, &b, &a].into_iter().enumerate() {
                    let found = found[i * count..][..count].to_vec();
                    check(&format!("number {i} of three"), found, expected);
                }
            }
            Ok(())
        })
        .await
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

    /// Rows by their ids: equal to the bit.
    async fn rows(&self, ids: Vec<i32>, run: &mut Run<'_>) -> Result<()> {
        let look_up = |device: &Device| {
            let data = TensorData::new(ids.clone(), [ids.len()]);
            let ids = Tensor::<1, Int>::from_data(data, device);
            rows(ids, &self.matrix(device))
        };
        let Packed { words, scales } = &self.packed;
        let in_features = self.shape[1];
        let dense = dequantize(self.format, words, scales, in_features);
        let row = |&id: &i32| &dense[id as usize * in_features..][..in_features];
        let expected: Vec<f32> = ids.iter().flat_map(row).copied().collect();
        let found = device::read(look_up(run.device)).await?;
        let name = format!("{} rows", self.name);
        run.checks.push(Check::values(name, &found, &expected, 0.0));
        Ok(())
    }
}
