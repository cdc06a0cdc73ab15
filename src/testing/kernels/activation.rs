//! Activations.

use super::{Distribution, Run, tensor};
use crate::compute::Activation;
use crate::compute::device::read;
use crate::error::Result;
use crate::testing::Check;

pub(super) async fn check(run: &mut Run<'_>) -> Result<()> {
    for count in [1, 255, 257, 70_001] {
        activations(count, run).await?;
    }
    Ok(())
}

/// Each activation, alone and as a gate, of numbers from -200 to 200.
async fn activations(count: usize, run: &mut Run<'_>) -> Result<()> {
    let values = Distribution::Even
        .values(count, &mut run.rng)
        .into_iter()
        .enumerate();
    let x: Vec<f32> = values
        .map(|(i, x)| if i % 5 == 0 { 200.0 * x } else { 4.0 * x })
        .collect();
    let linear = Distribution::Even.values(count, &mut run.rng);
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let device = run.device;
    let tensor = |values: &[f32]| tensor(values, [count], device);
    for activation in [
        Activation::Relu,
        Activation::GeluTanh,
        Activation::QuickGelu,
        Activation::Silu,
    ] {
        let exact = |x: f64| match activation {
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
            let name = format!("{activation:?} of {count}, a gate: {}", gate.is_some());
            let found = read(match gate {
                Some(gate) => activation.gate(tensor(&x), gate),
                None => activation.forward(tensor(&x)),
            })
            .await?;
            let in_parts = |values: &[f32]| -> Vec<f32> {
                let pairs = values.iter().zip(&x);
                pairs.map(|(value, x)| value / x.abs().max(1.0)).collect()
            };
            let (found, expected) = (in_parts(&found), in_parts(&expected));
            run.checks
                .push(Check::values(name, &found, &expected, 1e-5));
        }
    }
    Ok(())
}
