//! `pali3 bench`: what the kernels reach on this machine's processor or graphics card, beside a plain copy.

use std::time::Instant;

use burn::tensor::{Device, Tensor};
use clap::Args;
use serde::Serialize;

use super::output;
use super::session::{DeviceChoice, open_device};
use crate::device::{self, DeviceKind};
use crate::error::Result;
use crate::kernels::Plan;
use crate::kernels::dense::times_transposed_as;
use crate::kernels::{Quantized, matmul_as};
use crate::quant::{QuantFormat, blocks};

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
    kernels: Vec<Measured>,
}

#[derive(Serialize)]
struct Measured {
    matrix: &'static str,
    kernels: String,
    rows: usize,
    milliseconds: f64,
    /// Of the matrix.
    bytes_per_second: f64,
    operations_per_second: f64,
}

/// Runs the command.
pub(super) async fn bench(args: &BenchArgs) -> Result<()> {
    let (device, kind) = open_device(args.device)?;
    let plans: &[Plan] = match kind {
        DeviceKind::Cpu => &[Plan::Software],
        DeviceKind::Wgpu => &[Plan::Hardware, Plan::Software],
    };
    let mut kernels = vec![];
    for &rows in &args.rows {
        let x = Tensor::<2>::ones([rows, args.inputs], &device);
        for &plan in plans {
            for format in [QuantFormat::Q4, QuantFormat::Q8] {
                let matrix = matrix(format, [args.outputs, args.inputs], &device);
                let work = || matmul_as(x.clone(), &matrix, plan);
                let bytes = args.outputs * blocks(args.inputs) * (4 * format.words_per_block() + 2);
                let seconds = median(args.runs, work).await?;
                kernels.push(args.measured(format.name(), kind, plan, rows, bytes, seconds));
            }
            let dense = Tensor::<3>::ones([1, args.outputs, args.inputs], &device);
            let x = x.clone().unsqueeze::<3>();
            let work = || times_transposed_as(x.clone(), dense.clone(), args.outputs, plan);
            let bytes = 4 * args.outputs * args.inputs;
            let seconds = median(args.runs, work).await?;
            kernels.push(args.measured("f32", kind, plan, rows, bytes, seconds));
        }
    }
    let whole = Tensor::<2>::ones([4096, 4096], &device);
    let copy = median(args.runs, || whole.clone() + 1.0).await?;
    let report = Report {
        device: kind.name(),
        copy_bytes_per_second: 2.0 * 4.0 * 4096.0 * 4096.0 / copy,
        kernels,
    };
    match args.json {
        true => output::json(&report),
        false => output::text(&report.to_string()),
    }
}

impl BenchArgs {
    fn measured(
        &self,
        matrix: &'static str,
        kind: DeviceKind,
        plan: Plan,
        rows: usize,
        bytes: usize,
        seconds: f64,
    ) -> Measured {
        Measured {
            matrix,
            kernels: match kind {
                DeviceKind::Cpu => "processor".to_string(),
                DeviceKind::Wgpu => format!("{plan:?}").to_lowercase(),
            },
            rows,
            milliseconds: 1e3 * seconds,
            bytes_per_second: bytes as f64 / seconds,
            operations_per_second: 2.0 * (rows * self.inputs * self.outputs) as f64 / seconds,
        }
    }
}

fn matrix(format: QuantFormat, shape: [usize; 2], device: &Device) -> Quantized {
    let [outputs, inputs] = shape;
    let words = vec![0x1234_5678; outputs * format.words_per_row(inputs)];
    let scales = vec![half::f16::ONE; outputs * blocks(inputs)];
    Quantized::new(format, shape, words, &scales, device)
}

/// Seconds of one call: the median over runs of several, each waited for, after one that compiles.
async fn median<const D: usize>(runs: usize, work: impl Fn() -> Tensor<D>) -> Result<f64> {
    wait(work()).await?;
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
    Ok(seconds[seconds.len() / 2])
}

async fn wait<const D: usize>(tensor: Tensor<D>) -> Result<()> {
    let elements = tensor.dims().iter().product::<usize>();
    let flat: Tensor<1> = tensor.reshape([elements]);
    device::read(flat.narrow(0, 0, 1)).await.map(drop)
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(
            f,
            "{}: a plain copy reaches {:.1} GB/s\n",
            self.device,
            self.copy_bytes_per_second / 1e9
        )?;
        writeln!(
            f,
            "{:<7}{:<11}{:>5}{:>12}{:>10}{:>11}",
            "matrix", "kernels", "rows", "ms", "GB/s", "GFLOP/s"
        )?;
        for k in &self.kernels {
            writeln!(
                f,
                "{:<7}{:<11}{:>5}{:>12.3}{:>10.2}{:>11.2}",
                k.matrix,
                k.kernels,
                k.rows,
                k.milliseconds,
                k.bytes_per_second / 1e9,
                k.operations_per_second / 1e9
            )?;
        }
        Ok(())
    }
}
