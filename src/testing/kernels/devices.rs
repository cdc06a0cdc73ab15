//! Several devices in one process, side by side.

use super::{Distribution, relative, tensor};
use crate::compute::device::{DeviceKind, plan, plans, read, set_plan};
use crate::compute::{Epilogue, Plan, QuantizedMatrix, attend_few, attend_many, product};
use crate::error::Result;
use crate::formats::blocks::{Effort, Packed, QuantFormat, dequantize, quantize};
use crate::testing::Check;
use burn::tensor::{Device, Tensor};
use rand::SeedableRng;
use rand_pcg::Pcg64Mcg;

/// Rows, width of a matrix' rows, and outputs. So many products come in another order with other kernels, and the sums' last bits
/// with them.
const ROWS: usize = 2;
const INNER: usize = 1024;
const OUTPUTS: usize = 96;
const FORMAT: QuantFormat = QuantFormat::Q4;
/// As many as both the processor's kernel for many queries takes and the GPU's for few.
const QUERIES: usize = 6;
const HEADS: usize = 4;
const KEYS: usize = 300;
const WIDTH: usize = 64;

/// Computes the same on all devices in turn: the processor, and two of a GPU, of which the first takes the kernels for software and
/// the second those for hardware. All results have to be right, and to the bit those of the device's own kernels: what it computes
/// with nothing between.
///
/// # Errors
/// When a device fails; differences are in the checks.
pub async fn side_by_side(cpu: &Device, gpus: [&Device; 2]) -> Result<Vec<Check>> {
    let mut checks = vec![Check::equal("two devices", &(gpus[0] != gpus[1]), &true)];
    let chosen = [Plan::SIMPLEST, Plan::PORTABLE];
    for (gpu, plan) in gpus.into_iter().zip(chosen) {
        let runs = plans(gpu).contains(&plan);
        checks.push(Check::equal(format!("{plan} runs"), &runs, &true));
        set_plan(gpu, plan);
    }
    let found = gpus.map(plan);
    checks.push(Check::equal("each has its own plan", &found, &chosen));

    let numbers = Numbers::new();
    let devices = [
        ("processor", cpu),
        ("software", gpus[0]),
        ("hardware", gpus[1]),
    ];
    let cases = devices.map(|(_, device)| Case::new(&numbers, device));
    let mut alone = vec![];
    for case in &cases {
        alone.push([read(case.product()).await?, read(case.attention()).await?]);
    }
    let (exact, sizes) = numbers.product();
    let exact = relative(exact, &sizes);
    for ((name, _), (case, [product, attention])) in devices.iter().zip(cases.iter().zip(&alone)) {
        let product = product.iter().map(|&value| f64::from(value)).collect();
        let product = relative(product, &sizes);
        // On the processor activations are 16-bit integers.
        let tolerance = match case.kind {
            DeviceKind::Cpu => 1e-4,
            DeviceKind::Wgpu => 2e-5,
        };
        let what = format!("{name}: product");
        checks.push(Check::values(what, &product, &exact, tolerance));
        let what = format!("{name}: attention");
        checks.push(Check::values(what, attention, &alone[0][1], 1e-5));
    }
    // Other kernels, other roundings: else nothing below would tell one device's from the other's.
    let same = [0, 1].map(|i| alone[1][i] == alone[2][i]);
    checks.push(Check::equal("roundings are the same", &same, &[false; 2]));

    // Nothing is waited for until all devices have work.
    let mut running = vec![];
    for _ in 0..3 {
        for (case, alone) in cases.iter().zip(&alone) {
            let (product, attention) = (case.product(), case.attention());
            running.push((product.reshape([ROWS * OUTPUTS]), &alone[0]));
            running.push((attention.reshape([QUERIES * HEADS * WIDTH]), &alone[1]));
        }
    }
    for (i, (found, alone)) in running.into_iter().enumerate() {
        let (name, found) = (format!("in turn, {i}"), read::<1>(found).await?);
        checks.push(Check::values(name, &found, alone, 0.0));
    }
    Ok(checks)
}

/// What all devices compute with.
struct Numbers {
    x: Vec<f32>,
    matrix: Packed,
    q: Vec<f32>,
    past: [Vec<f32>; 2],
}

impl Numbers {
    fn new() -> Self {
        let mut rng = Pcg64Mcg::seed_from_u64(17);
        let mut values = |count| Distribution::Even.values(count, &mut rng);
        Self {
            x: values(ROWS * INNER),
            matrix: quantize(FORMAT, &values(OUTPUTS * INNER), INNER, Effort::Fast),
            q: values(QUERIES * HEADS * WIDTH),
            past: [(); 2].map(|()| values(HEADS * KEYS * WIDTH)),
        }
    }

    /// The sums, and what each is made of.
    fn product(&self) -> (Vec<f64>, Vec<f64>) {
        let Packed { words, scales } = &self.matrix;
        let weights = dequantize(FORMAT, words, scales, INNER);
        let rows = self.x.chunks(INNER);
        let pairs = rows.flat_map(|row| weights.chunks(INNER).map(move |weights| (row, weights)));
        let sums = pairs.map(|(row, weights)| {
            let products = row.iter().zip(weights);
            let products = products.map(|(&x, &w)| f64::from(x) * f64::from(w));
            products.fold((0.0, 0.0), |(sum, size), p| (sum + p, size + p.abs()))
        });
        sums.unzip()
    }
}

/// The numbers on one of the devices.
struct Case {
    kind: DeviceKind,
    x: Tensor<2>,
    matrix: QuantizedMatrix,
    q: Tensor<3>,
    past: [Tensor<4>; 2],
}

impl Case {
    fn new(numbers: &Numbers, device: &Device) -> Self {
        let Packed { words, scales } = &numbers.matrix;
        let shape = [OUTPUTS, INNER];
        let past = numbers.past.each_ref();
        Self {
            kind: DeviceKind::of(device),
            x: tensor(&numbers.x, [ROWS, INNER], device),
            matrix: QuantizedMatrix::new(FORMAT, shape, words.clone(), scales, device),
            q: tensor(&numbers.q, [1, QUERIES, HEADS * WIDTH], device),
            past: past.map(|values| tensor(values, [1, HEADS, KEYS, WIDTH], device)),
        }
    }

    fn product(&self) -> Tensor<2> {
        product(self.x.clone(), &self.matrix, Epilogue::default())
    }

    /// `[1, queries, heads · width]`; nothing where a device has no kernel, which no check passes.
    fn attention(&self) -> Tensor<3> {
        const SCALE: f64 = 0.125;
        let (q, past) = (&self.q, self.past.each_ref());
        let found = match self.kind {
            DeviceKind::Wgpu => attend_few(q, past, KEYS, || None, SCALE),
            DeviceKind::Cpu => {
                let q = q
                    .clone()
                    .reshape([1, QUERIES, HEADS, WIDTH])
                    .swap_dims(1, 2);
                let y = attend_many(&q, past, KEYS, None, SCALE);
                y.map(|y| y.swap_dims(1, 2).reshape([1, QUERIES, HEADS * WIDTH]))
            }
        };
        found.unwrap_or_else(|| q.clone().mul_scalar(f32::NAN))
    }
}
