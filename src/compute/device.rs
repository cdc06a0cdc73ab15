//! Where the arithmetic happens.
//!
//! A device is burn's; what else is known of one is asked here. Kernels ask for themselves: a tensor names its device.

#[cfg(any(feature = "cli", feature = "testing"))]
use super::Plan;
use super::gpu::devices;
use crate::error::{Error, Result};
use burn::tensor::{Device, ExecutionError, Tensor};

/// The two kinds of device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceKind {
    /// burn's `flex` backend: SIMD on the processor, natively and in wasm.
    Cpu,
    /// WebGPU compute shaders: the browser's, or Vulkan, Metal or DirectX natively.
    Wgpu,
}

impl DeviceKind {
    /// Which of them a device is.
    pub fn of(device: &Device) -> Self {
        match devices::is_gpu(device) {
            true => DeviceKind::Wgpu,
            false => DeviceKind::Cpu,
        }
    }

    /// The name that options use.
    pub fn name(self) -> &'static str {
        match self {
            DeviceKind::Cpu => "cpu",
            DeviceKind::Wgpu => "wgpu",
        }
    }
}

/// The processor.
#[cfg(feature = "cpu")]
pub fn cpu() -> Device {
    Device::flex()
}

/// The system's WebGPU device (Vulkan, Metal or DirectX). Each call opens one of its own; clones of it share it.
///
/// # Errors
/// [`Error::WebGpuUnavailable`] when there is no adapter.
#[cfg(all(feature = "webgpu", not(target_arch = "wasm32")))]
pub fn wgpu() -> Result<Device> {
    super::gpu::open()
}

/// Opens a device of a kind.
///
/// # Errors
/// [`Error::WebGpuUnavailable`] when there is no adapter, [`Error::InvalidOption`] when this build has no device of that kind.
#[cfg(not(target_arch = "wasm32"))]
pub fn open(kind: DeviceKind) -> Result<Device> {
    match kind {
        #[cfg(feature = "cpu")]
        DeviceKind::Cpu => Ok(cpu()),
        #[cfg(feature = "webgpu")]
        DeviceKind::Wgpu => wgpu(),
        #[allow(unreachable_patterns)] // of a build with both
        _ => {
            let problem = format!("this build has no {}", kind.name());
            Err(Error::option("device", problem))
        }
    }
}

/// Opens the quickest device: a graphics card, or else the processor. A software adapter is taken where there is nothing else: it is
/// the processor with a detour.
///
/// # Errors
/// As [`open`].
#[cfg(not(target_arch = "wasm32"))]
pub fn open_best() -> Result<Device> {
    match open(DeviceKind::Wgpu) {
        Ok(device) if cfg!(not(feature = "cpu")) || !is_software(&device) => Ok(device),
        Err(error) if cfg!(not(feature = "cpu")) => Err(error),
        _ => open(DeviceKind::Cpu),
    }
}

/// A device for what has shapes alone, such as a model that never gets its weights: nothing is opened for it.
#[cfg(all(feature = "cli", feature = "cpu"))]
pub(crate) fn for_shapes() -> Device {
    cpu()
}

/// As there: burn opens it when it is used.
#[cfg(all(feature = "cli", not(feature = "cpu")))]
pub(crate) fn for_shapes() -> Device {
    Device::wgpu(burn::tensor::DeviceKind::DefaultDevice)
}

/// Whether a device is only software: a GPU played by the processor, which is slower than the processor itself.
pub fn is_software(device: &Device) -> bool {
    devices::is_software(device)
}

/// Bytes that the device takes for one tensor, where it has such a limit.
pub fn largest_buffer(device: &Device) -> Option<u64> {
    devices::largest_buffer(device)
}

/// All plans that run on a device, whether they fit it or not. The processor has one kernel of each kind, whatever the plan.
#[cfg(any(feature = "cli", feature = "testing"))]
pub(crate) fn plans(device: &Device) -> Vec<Plan> {
    match DeviceKind::of(device) {
        DeviceKind::Cpu => vec![Plan::SIMPLEST],
        DeviceKind::Wgpu => devices::plans(device),
    }
}

#[cfg(any(feature = "cli", feature = "testing"))]
pub(crate) use devices::{plan, set_plan};

/// Runs `work` for each of the [`plans`] of a device, which has it meanwhile.
///
/// # Errors
/// Those of `work`.
#[cfg(any(feature = "cli", feature = "testing"))]
pub(crate) async fn with_each_plan(
    device: &Device,
    mut work: impl AsyncFnMut(Plan) -> Result<()>,
) -> Result<()> {
    let own = plan(device);
    let mut result = Ok(());
    for plan in plans(device) {
        set_plan(device, plan);
        result = work(plan).await;
        if result.is_err() {
            break;
        }
    }
    set_plan(device, own);
    result
}

/// Reads a tensor back, row-major. On the web this is the only way: the call gives way to the event loop.
///
/// # Errors
/// [`Error::Device`] when the device fails.
pub async fn read<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>> {
    let data = tensor.into_data_async().await?;
    data.try_to_vec::<f32>()
        .map_err(|error| Error::device(format!("{error:?}")))
}

impl From<ExecutionError> for Error {
    fn from(error: ExecutionError) -> Self {
        Error::device(format!("{error:?}"))
    }
}
