//! Where the arithmetic happens.

use crate::error::{Error, Result};
use burn::tensor::Tensor;

/// The two kinds of device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceKind {
    /// burn's `flex` backend: SIMD on the processor, natively and in wasm.
    Cpu,
    /// WebGPU compute shaders: the browser's, or Vulkan, Metal or DirectX natively.
    Wgpu,
}

impl DeviceKind {
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
pub fn cpu() -> burn::tensor::Device {
    burn::tensor::Device::flex()
}

/// The system's WebGPU device (Vulkan, Metal or DirectX), and whether it is only software: a GPU played by the
/// processor, which is slower than [`cpu`].
///
/// # Errors
/// [`Error::WebGpuUnavailable`] when there is no adapter, or when this process has opened it before.
#[cfg(all(feature = "webgpu", not(target_arch = "wasm32")))]
pub fn wgpu() -> Result<(burn::tensor::Device, bool)> {
    use crate::compute;
    use burn::tensor::{Device, wgpu::wgpu::DeviceType};
    let (device, setup) =
        Device::wgpu_options()
            .init_with_setup()
            .map_err(|error| Error::WebGpuUnavailable {
                problem: error.to_string(),
            })?;
    let software = setup.adapter.get_info().device_type == DeviceType::Cpu;
    compute::adapter_is_software(software);
    compute::adapter_has(compute::Extras::of(setup.device.features()));
    Ok((device, software))
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
