//! The model parts against HF transformers, natively: on the processor, and on WebGPU where there is an adapter.

use super::common::{adapter, path};
use pali3::compute::device::{DeviceKind, cpu, wgpu};
use pali3::error::Error;
use pali3::testing::{Check, all_passed, kernels, models};

fn read(file: &str) -> pali3::Result<Vec<u8>> {
    std::fs::read(path("tests/fixtures").join(file))
        .map_err(|_| Error::NotFound { file: file.into() })
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
    let checks = pollster::block_on(kernels::run(&cpu())).unwrap();
    report("kernels", &checks);
    // A device of its own, since its kernels change on the way.
    if let Ok(device) = wgpu() {
        let checks = pollster::block_on(kernels::run(&device)).unwrap();
        report("kernels on WebGPU", &checks);
    }
}

#[test]
fn devices_side_by_side_have_kernels_of_their_own() {
    let (Ok(one), Ok(other)) = (wgpu(), wgpu()) else {
        return;
    };
    let cpu = cpu();
    let checks = kernels::devices::side_by_side(&cpu, [&one, &other]);
    report("devices", &pollster::block_on(checks).unwrap());
}
