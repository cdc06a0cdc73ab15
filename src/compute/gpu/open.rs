//! The system's WebGPU device, natively.

use super::devices::register;
use crate::error::{Error, Result};
use burn::tensor::Device;
use burn::tensor::wgpu::{WgpuSetup, wgpu};
use std::sync::OnceLock;
use wgpu::{Adapter, Backends, DeviceType, Features, Instance};

/// Interfaces to graphics cards, the better ones first.
const INTERFACES: [Backends; 2] = [Backends::PRIMARY, Backends::GL];

/// Made once and never dropped: Vulkan's loader crashes when instances come and go on several threads.
static INSTANCES: [OnceLock<Instance>; 2] = [const { OnceLock::new() }; 2];

/// Opens the device of the best adapter, anew at each call.
///
/// # Errors
/// [`Error::WebGpuUnavailable`] when there is no adapter, or when it gives no device.
pub(crate) fn open() -> Result<Device> {
    let (instance, adapter) = best_adapter()?;
    let descriptor = wgpu::DeviceDescriptor {
        // All that is ready for use. What can be mapped directly is slow on graphics cards of their own.
        required_features: adapter
            .features()
            .difference(Features::MAPPABLE_PRIMARY_BUFFERS | Features::all_experimental_mask()),
        required_limits: adapter.limits(),
        memory_hints: wgpu::MemoryHints::MemoryUsage,
        ..Default::default()
    };
    let requested = pollster::block_on(adapter.request_device(&descriptor));
    let (device, queue) = requested.map_err(unavailable)?;
    let info = adapter.get_info();
    let setup = WgpuSetup {
        instance,
        adapter,
        device,
        queue,
        backend: info.backend,
    };
    register(setup, info.device_type == DeviceType::Cpu, false)
}

/// A graphics card by whichever interface there is one; else software.
fn best_adapter() -> Result<(Instance, Adapter)> {
    let mut best = Err(Error::WebGpuUnavailable {
        problem: "no adapter found".to_string(),
    });
    for (backends, instance) in INTERFACES.into_iter().zip(&INSTANCES) {
        let instance = instance.get_or_init(|| {
            Instance::new(wgpu::InstanceDescriptor {
                backends,
                ..wgpu::InstanceDescriptor::new_without_display_handle()
            })
        });
        let options = wgpu::RequestAdapterOptions {
            power_preference: wgpu::PowerPreference::HighPerformance,
            ..Default::default()
        };
        match pollster::block_on(instance.request_adapter(&options)) {
            Ok(adapter) if adapter.get_info().device_type != DeviceType::Cpu => {
                return Ok((instance.clone(), adapter));
            }
            Ok(adapter) if best.is_err() => best = Ok((instance.clone(), adapter)),
            Ok(_) => {}
            Err(_) if best.is_ok() => {}
            Err(error) => best = Err(unavailable(error)),
        }
    }
    best
}

fn unavailable(error: impl std::fmt::Display) -> Error {
    Error::WebGpuUnavailable {
        problem: error.to_string(),
    }
}
