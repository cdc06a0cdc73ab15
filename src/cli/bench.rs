//! `pali3 bench`: what the kernels reach on this machine's processor or graphics card, beside a plain copy and a plain product.

use std::time::Instant;

use burn::tensor::{Device, Tensor};
use clap::Args;
use serde::Serialize;

use super::output;
use super::session::{DeviceChoice, open_device};
use crate::compute::dense::matmul_transposed;
use crate::compute::device::{self, DeviceKind, with_each_plan};
use crate::compute::{self, Activation, Epilogue, Plan, QuantizedMatrix};
use crate::error::Result;
use crate::formats::blocks::{QuantFormat, blocks};

/// Options of `pali3 bench`.
#[derive(Debug, Args)]
pub(super) struct BenchArgs {
    /// Where to compute
    #[arg(long, value_enum, default_value_t = DeviceChoice::Auto)]
    device: DeviceChoice,
    /// Rows of activations to measure with
    #[arg(long, value_name = "N", value_delimiter = ',', default_values_t = [1, 2, 4, 8, 16, 32, 64, 256])]
    rows: Vec<usize>,
    /// Width of the matrix' rows
    #[arg(long, value_name = "N", default_value_t = 2048)]
    inputs: usize,
    /// Rows of the matrix
    #[arg(long, value_name = "N", default_value_t = 5120)]
    outputs: usize,
    /// Keys that attention looks at
    #[arg(long, value_name = "N", default_value_t = 256)]
    keys: usize,
    /// Runs of which the median counts
    #[arg(long, value_name = "N", default_value_t = 5)]
    runs: usize,
    /// Print one line of JSON instead of text
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    device: &'static str,
    /// Bytes read and written a second by a plain copy of 64 MB.
    copy_bytes_per_second: f64,
    /// Of the quickest product of floats among the kernels.
    product_operations_per_second: f64,
    kernels: Vec<Measured>,
}

#[derive(Serialize)]
struct Measured {
    kernel: &'static str,
    plan: String,
    rows: usize,
    milliseconds: f64,
    /// Of the matrix or, where there is none, of all that is read and written.
    bytes_per_second: f64,
    operations_per_second: f64,
}

/// What a call of a kernel has to do.
struct Work {
    bytes: usize,
    operations: usize,
}

/// Where the figures go, and what they are taken with.
struct Bench<'a> {
    args: &'a BenchArgs,
    device: Device,
    kind: DeviceKind,
    plan: Plan,
    rows: usize,
    measured: Vec<Measured>,
}

/// Runs the command.
pub(super) async fn bench(args: &BenchArgs) -> Result<()> {
    let (device, kind) = open_device(args.device)?;
    let mut bench = Bench {
        args,
        device,
        kind,
        plan: Plan::SIMPLEST,
        rows: 0,
        measured: vec![],
    };
    for &rows in &args.rows {
        bench.rows = rows;
        with_each_plan(&bench.device.clone(), async |plan| {
            bench.plan = plan;
            bench.products().await?;
            bench.between_products().await?;
            bench.attention().await
        })
        .await?;
    }
    let whole = Tensor::<2>::ones([4096, 4096], &bench.device);
    let copy = median(args.runs, || Some(whole.clone() + 1.0)).await?;
    let copy = copy.unwrap_or(f64::INFINITY);
    let products = bench.measured.iter().filter(|found| found.kernel == F32);
    let report = Report {
        device: kind.name(),
        copy_bytes_per_second: 2.0 * 4.0 * 4096.0 * 4096.0 / copy,
        product_operations_per_second: products
            .map(|found| found.operations_per_second)
            .fold(0.0, f64::max),
        kernels: bench.measured,
    };
    match args.json {
        true => output::json(&report),
        false => output::text(&report.to_string()),
    }
}

const F32: &str = "product, f32";

impl Bench<'_> {
    /// Nothing where there is no such kernel.
    async fn measure<const D: usize>(
        &mut self,
        kernel: &'static str,
        work: Work,
        call: impl Fn() -> Option<Tensor<D>>,
    ) -> Result<()> {
        let Some(seconds) = median(self.args.runs, call).await? else {
            return Ok(());
        };
        self.measured.push(Measured {
            kernel,
            plan: match self.kind {
                DeviceKind::Cpu => "processor".to_string(),
                DeviceKind::Wgpu => self.plan.to_string(),
            },
            rows: self.rows,
            milliseconds: 1e3 * seconds,
            bytes_per_second: work.bytes as f64 / seconds,
            operations_per_second: work.operations as f64 / seconds,
        });
        Ok(())
    }

    fn ones<const D: usize>(&self, shape: [usize; D]) -> Tensor<D> {
        Tensor::ones(shape, &self.device)
    }

    /// With one matrix, and with what is made of the products on the way out.
    async fn products(&mut self) -> Result<()> {
        let rows = self.rows;
        let (inputs, outputs) = (self.args.inputs, self.args.outputs);
        let x = self.ones([rows, inputs]);
        let residual = self.ones([rows, outputs]);
        let operations = 2 * rows * inputs * outputs;
        for format in [QuantFormat::Q4, QuantFormat::Q8] {
            let [one, added, gated, three] = match format {
                QuantFormat::Q4 => ["product, q4", "onto, q4", "gated, q4", "three, q4"],
                QuantFormat::Q8 => ["product, q8", "onto, q8", "gated, q8", "three, q8"],
            };
            let [a, b, c] = [(); 3].map(|()| matrix(format, [outputs, inputs], &self.device));
            let work = |matrices: usize| Work {
                bytes: matrices * outputs * blocks(inputs) * (4 * format.words_per_block() + 2),
                operations: matrices * operations,
            };
            let call = || Some(compute::product(x.clone(), &a, Epilogue::default()));
            self.measure(one, work(1), call).await?;
            let epilogue = Epilogue {
                residual: Some(residual.clone()),
                ..Epilogue::default()
            };
            let call = || Some(compute::product(x.clone(), &a, epilogue.clone()));
            self.measure(added, work(1), call).await?;
            let gelu = Activation::GeluTanh;
            let call = || Some(compute::product_gated(x.clone(), [&a, &b], gelu));
            self.measure(gated, work(2), call).await?;
            let call = || compute::product_three(&x, [&a, &b, &c]);
            self.measure(three, work(3), call).await?;
        }
        let dense = self.ones([1, outputs, inputs]);
        let x = x.unsqueeze::<3>();
        let work = Work {
            bytes: 4 * outputs * inputs,
            operations,
        };
        let call = || Some(matmul_transposed(x.clone(), dense.clone(), outputs));
        self.measure(F32, work, call).await
    }

    async fn between_products(&mut self) -> Result<()> {
        let rows = self.rows;
        let width = self.args.inputs;
        let x = self.ones([rows, width]);
        let weight = self.ones([width]);
        let passes = |count: usize| Work {
            bytes: 4 * count * rows * width,
            operations: 0,
        };
        let call = || Some(compute::rms_norm(x.clone(), weight.clone(), 1e-6));
        self.measure("rms norm", passes(2), call).await?;
        let norm = |x: Tensor<2>| compute::layer_norm(x, weight.clone(), weight.clone(), 1e-6);
        self.measure("layer norm", passes(2), || Some(norm(x.clone())))
            .await?;
        let call = || Some(Activation::GeluTanh.gate(x.clone(), x.clone()));
        self.measure("gate", passes(3), call).await
    }

    /// Of one prompt's rows to its keys, as its beams do, and of as many new tokens to as many pasts.
    async fn attention(&mut self) -> Result<()> {
        let (rows, keys) = (self.rows, self.args.keys);
        let heads = (self.args.inputs / HEAD).max(1);
        let work = |pasts: usize| Work {
            bytes: 4 * 2 * pasts * heads * keys * HEAD,
            operations: 4 * rows * heads * keys * HEAD,
        };
        let seen = [(); 2].map(|()| self.ones([1, heads, keys, HEAD]));
        let scores = self.ones([1, heads, rows, keys]);
        let scores_work = Work {
            bytes: 4 * 2 * heads * rows * keys,
            operations: 0,
        };
        let call = || Some(compute::softmax(scores.clone(), None, 1.0));
        self.measure("softmax", scores_work, call).await?;
        let q = self.ones([1, rows, heads * HEAD]);
        let call = || compute::attend_few(&q, seen.each_ref(), keys, || None, 1.0);
        self.measure("attention", work(1), call).await?;
        if self.kind == DeviceKind::Wgpu && rows <= 8 {
            let past = [(); 2].map(|()| self.ones([rows, heads, keys, HEAD]));
            let bias = self.ones([1, heads, 1, keys]);
            let token = self.ones([3, rows, heads * HEAD]);
            let step = || compute::attend_step(&token, past.each_ref(), keys - 1, &bias, 1.0);
            self.measure("attention, step", work(rows), || Some(step()))
                .await?;
        }
        Ok(())
    }
}

/// Width of a head.
const HEAD: usize = 64;

fn matrix(format: QuantFormat, shape: [usize; 2], device: &Device) -> QuantizedMatrix {
    let [outputs, inputs] = shape;
    let words = vec![0x1234_5678; outputs * format.words_per_row(inputs)];
    let scales = vec![half::f16::ONE; outputs * blocks(inputs)];
    QuantizedMatrix::new(format, shape, words, &scales, device)
}

/// Seconds of one call: the median over runs of several, each waited for, after one that compiles. `None` where a call gives
/// nothing.
async fn median<const D: usize>(
    runs: usize,
    work: impl Fn() -> Option<Tensor<D>>,
) -> Result<Option<f64>> {
    let Some(first) = work() else {
        return Ok(None);
    };
    wait(Some(first)).await?;
    let begin = Instant::now();
    wait(work()).await?;
    // As many calls as take a tenth of a second: waiting costs by itself.
    let calls = (0.1 / begin.elapsed().as_secs_f64()).clamp(1.0, 200.0) as usize;
    let mut seconds = vec![];
    for _ in 0..runs.max(1) {
        let begin = Instant::now();
        let mut last = work();
        for _ in 1..calls {
            last = work();
        }
        wait(last).await?;
        seconds.push(begin.elapsed().as_secs_f64() / calls as f64);
    }
    seconds.sort_by(f64::total_cmp);
    Ok(Some(seconds[seconds.len() / 2]))
}

async fn wait<const D: usize>(tensor: Option<Tensor<D>>) -> Result<()> {
    let Some(tensor) = tensor else {
        return Ok(());
    };
    let elements = tensor.dims().iter().product::<usize>();
    let flat: Tensor<1> = tensor.reshape([elements]);
    device::read(flat.narrow(0, 0, 1)).await.map(drop)
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(
            f,
            "{}: a plain copy reaches {:.1} GB/s, a product of floats {:.1} GFLOP/s\n",
            self.device,
            self.copy_bytes_per_second / 1e9,
            self.product_operations_per_second / 1e9
        )?;
        writeln!(
            f,
            "{:<17}{:<27}{:>5}{:>10}{:>9}{:>6}{:>10}{:>6}",
            "kernel", "plan", "rows", "ms", "GB/s", "%", "GFLOP/s", "%"
        )?;
        for k in &self.kernels {
            writeln!(
                f,
                "{:<17}{:<27}{:>5}{:>10.4}{:>9.2}{:>6.1}{:>10.1}{:>6.1}",
                k.kernel,
                k.plan,
                k.rows,
                k.milliseconds,
                k.bytes_per_second / 1e9,
                100.0 * k.bytes_per_second / self.copy_bytes_per_second,
                k.operations_per_second / 1e9,
                100.0 * k.operations_per_second / self.product_operations_per_second
            )?;
        }
        Ok(())
    }
}
