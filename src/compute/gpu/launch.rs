//! From a kernel to its dispatch.

use super::kernel::Kernel;
use burn::backend::wgpu::{CubeTensor, SourceKernel};
use burn::cubecl::prelude::CubeCount;
use burn::cubecl::server::{KernelArguments, MetadataBindingInfo};
use burn::tensor::DType;

/// Workgroups across, down and in the batch.
pub(super) type Workgroups = [usize; 3];

/// The grid of so many workgroups. WebGPU takes 65,535 in one dimension at most, which is less than a large vocabulary has: what
/// there is more across goes on below, and kernels find their place by `place_of` in grid.wgsl.
fn grid([across, down, batch]: Workgroups) -> CubeCount {
    // As in grid.wgsl.
    const GRID: usize = 32_768;
    let below = down * across.div_ceil(GRID).max(1);
    CubeCount::Static(across.min(GRID) as u32, below as u32, batch as u32)
}

/// Runs a kernel over `inputs`; a new tensor of `shape` gets the result. The bindings are the inputs, the result and a uniform of
/// the `numbers`, a multiple of four.
pub(super) fn launch<const D: usize, const M: usize>(
    kernel: Kernel,
    inputs: &[&CubeTensor],
    shape: [usize; D],
    workgroups: Workgroups,
    numbers: [usize; M],
) -> CubeTensor {
    let CubeTensor { client, device, .. } = inputs[0];
    let handle = client.empty(shape.iter().product::<usize>() * size_of::<f32>());
    let output = CubeTensor::new_contiguous(
        client.clone(),
        device.clone(),
        shape.into(),
        handle,
        DType::F32,
    );
    if shape.contains(&0) {
        return output;
    }
    let mut buffers = inputs.to_vec();
    buffers.push(&output);
    dispatch(kernel, &buffers, workgroups, numbers);
    output
}

/// Runs a kernel that is bound to `buffers` and a uniform of the `numbers`, a multiple of four.
pub(super) fn dispatch<const M: usize>(
    kernel: Kernel,
    buffers: &[&CubeTensor],
    workgroups: Workgroups,
    numbers: [usize; M],
) {
    let mut arguments = KernelArguments::new();
    for buffer in buffers {
        arguments = arguments.with_buffer(buffer.handle.clone().binding());
    }
    // Two 32-bit numbers to a word of the uniform.
    let pairs = numbers.chunks(2);
    let words = pairs.map(|pair| pair[0] as u64 | (pair[1] as u64) << 32);
    arguments.info = MetadataBindingInfo::custom(words.collect());
    buffers[0].client.launch(
        Box::new(SourceKernel::new(kernel, kernel.workgroup())),
        grid(workgroups),
        arguments,
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_is_as_small_as_webgpu_takes() {
        for (workgroups, expected) in [
            ([7, 3, 2], (7, 3, 2)),
            ([32_768, 3, 2], (32_768, 3, 2)),
            ([65_538, 3, 2], (32_768, 9, 2)),
        ] {
            let CubeCount::Static(x, y, z) = grid(workgroups) else {
                panic!("not static");
            };
            assert_eq!((x, y, z), expected);
        }
    }
}
