//! The model parts against HF transformers, natively: on the processor, and on WebGPU where there is an adapter.

use burn::tensor::Device;
use pali3::device::{DeviceKind, cpu, wgpu};
use pali3::error::Error;
use pali3::testing::{Check, all_passed, kernels, models};
use std::path::Path;
use std::sync::OnceLock;

fn read(file: &str) -> pali3::Result<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(file);
    std::fs::read(path).map_err(|_| Error::NotFound { file: file.into() })
}

/// The largest errors in words (`--nocapture` shows them), and a panic when one is too large.
fn report(case: &str, checks: &[Check]) {
    let mut sorted: Vec<&Check> = checks.iter().collect();
    sorted.sort_by(|a, b| b.max_abs_error.total_cmp(&a.max_abs_error));
    println!("{case}: {} comparisons, the largest errors:", checks.len());
    for check in &sorted[..sorted.len().min(4)] {
        println!("  {:.1e} {}", check.max_abs_error, check.name);
    }
    all_passed(checks).unwrap_or_else(|error| panic!("{case}: {error}"));
}

/// The adapter, which a process opens once. Natively there may be none; the same bodies run in the browser, where there is.
fn adapter() -> Option<Device> {
    static ADAPTER: OnceLock<Option<Device>> = OnceLock::new();
    let open = || match wgpu() {
        Ok((device, _)) => Some(device),
        Err(error) => {
            println!("no adapter here: {error}");
            None
        }
    };
    ADAPTER.get_or_init(open).clone()
}

#[test]
fn every_intermediate_on_the_processor() {
    let device = cpu();
    for case in models::CASES {
        let checks = models::run(case, &read, &device, DeviceKind::Cpu);
        let checks = pollster::block_on(checks).unwrap();
        report(case, &checks);
    }
}

#[test]
fn every_intermediate_on_webgpu() {
    let Some(device) = adapter() else {
        return;
    };
    for case in models::CASES {
        let checks = models::run(case, &read, &device, DeviceKind::Wgpu);
        let checks = pollster::block_on(checks).unwrap();
        report(case, &checks);
    }
}

#[test]
fn every_kernel_against_the_plain_product() {
    let checks = pollster::block_on(kernels::run(&cpu(), DeviceKind::Cpu)).unwrap();
    report("kernels", &checks);
    if let Some(device) = adapter() {
        let checks = pollster::block_on(kernels::run(&device, DeviceKind::Wgpu)).unwrap();
        report("kernels on WebGPU", &checks);
    }
}
