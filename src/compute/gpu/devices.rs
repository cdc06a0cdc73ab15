//! The GPU devices of this process, and what is known of each.

use crate::compute::{Extras, Plan};
use crate::error::{Error, Result};
use burn::backend::{CubeDevice, DispatchDevice};
use burn::tensor::Device;
use burn::tensor::wgpu::WgpuSetup;
use std::sync::{PoisonError, RwLock};

/// A device and its adapter.
#[derive(Debug, Clone)]
struct Known {
    device: CubeDevice,
    adapter: Adapter,
    plan: Plan,
}

/// What decides about a device's kernels.
#[derive(Debug, Clone, Copy)]
struct Adapter {
    /// A processor that plays a GPU.
    software: bool,
    /// The device has subgroups of four threads or more, which wgpu has no name for in browsers.
    quads: bool,
    extras: Extras,
    largest_buffer: u64,
}

/// A tensor names its device, and the device has its entry here. There are as few as a process has opened devices, each a few
/// words: what a look-up costs is the lock, some ten nanoseconds.
static DEVICES: RwLock<Vec<Known>> = RwLock::new(vec![]);

/// Hands an open device to burn, and notes which kernels fit it.
///
/// # Errors
/// [`Error::WebGpuUnavailable`] when burn cannot use it.
pub(crate) fn register(setup: WgpuSetup, software: bool, quads: bool) -> Result<Device> {
    let limits = setup.device.limits();
    let adapter = Adapter {
        software,
        quads,
        extras: Extras::of(setup.device.features()),
        largest_buffer: limits
            .max_buffer_size
            .min(limits.max_storage_buffer_binding_size),
    };
    let options = Device::wgpu_options().setup(setup);
    let device = options.init().map_err(|error| Error::WebGpuUnavailable {
        problem: error.to_string(),
    })?;
    if let Some(device) = cube(device.as_dispatch()) {
        let device = device.clone();
        let plan = adapter.plan();
        let mut devices = DEVICES.write().unwrap_or_else(PoisonError::into_inner);
        devices.push(Known {
            device,
            adapter,
            plan,
        });
    }
    Ok(device)
}

impl Adapter {
    /// The kernels that fit it.
    fn plan(self) -> Plan {
        match self.software {
            true => Plan::Software { quads: self.quads },
            false => Plan::Hardware(self.extras),
        }
    }

    /// All kernels that run on it, whether they fit or not.
    #[cfg(any(feature = "cli", feature = "testing"))]
    fn plans(self) -> Vec<Plan> {
        let mut plans = vec![Plan::SIMPLEST, Plan::PORTABLE];
        if self.quads {
            plans.push(Plan::Software { quads: true });
        }
        if self.extras != Extras::NONE {
            plans.push(Plan::Hardware(self.extras));
        }
        plans
    }
}

/// The kernels of the device that a tensor is on.
pub(super) fn plan_of(device: &CubeDevice) -> Plan {
    known(device, |known| known.plan).unwrap_or(Plan::PORTABLE)
}

/// The kernels of a device.
pub(crate) fn plan(device: &Device) -> Plan {
    of(device, |known| known.plan).unwrap_or(Plan::PORTABLE)
}

/// All kernels that run on a device: for tests and measurements.
#[cfg(any(feature = "cli", feature = "testing"))]
pub(crate) fn plans(device: &Device) -> Vec<Plan> {
    of(device, |known| known.adapter.plans()).unwrap_or_else(|| vec![Plan::PORTABLE])
}

/// Gives a device other kernels from now on: for tests and measurements.
#[cfg(any(feature = "cli", feature = "testing"))]
pub(crate) fn set_plan(device: &Device, plan: Plan) {
    let Some(device) = cube(device.as_dispatch()) else {
        return;
    };
    let mut devices = DEVICES.write().unwrap_or_else(PoisonError::into_inner);
    for known in devices.iter_mut().filter(|known| known.device == *device) {
        known.plan = plan;
    }
}

/// Whether a device is one of these, open or not.
pub(crate) fn is_gpu(device: &Device) -> bool {
    cube(device.as_dispatch()).is_some()
}

/// Whether the device is a processor that plays a GPU.
pub(crate) fn is_software(device: &Device) -> bool {
    of(device, |known| known.adapter.software).unwrap_or(false)
}

/// Bytes that a kernel can bind of one buffer, where that is known.
pub(crate) fn largest_buffer(device: &Device) -> Option<u64> {
    of(device, |known| known.adapter.largest_buffer)
}

fn of<T>(device: &Device, look: impl FnOnce(&Known) -> T) -> Option<T> {
    known(cube(device.as_dispatch())?, look)
}

fn known<T>(device: &CubeDevice, look: impl FnOnce(&Known) -> T) -> Option<T> {
    let devices = DEVICES.read().unwrap_or_else(PoisonError::into_inner);
    devices
        .iter()
        .find(|known| known.device == *device)
        .map(look)
}

/// The device of burn's GPU backend, also where it is wrapped for training.
fn cube(device: &DispatchDevice) -> Option<&CubeDevice> {
    match device {
        DispatchDevice::Cube(device) => Some(device),
        #[cfg(feature = "train")]
        DispatchDevice::Autodiff(device) => cube(device),
        #[allow(unreachable_patterns)] // of a build for the GPU alone
        _ => None,
    }
}
