//! From a kernel's name to its dispatch.

use super::{on_gpu, prelude};
use crate::kernels::Quantized;
use crate::quant::QuantFormat;
use burn::backend::wgpu::{CubeDim, CubeTensor, KernelSource, SourceKernel, SourceTemplate};
use burn::cubecl::prelude::{CubeCount, KernelId};
use burn::cubecl::server::{KernelArguments, MetadataBindingInfo};
use burn::tensor::DType;

/// The kernels, each in a file of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kernel {
    FewRowsThreads,
    FewRowsWorkgroup,
    ManyRowsThreads,
    ManyRowsTiles,
    Rows,
}

impl Kernel {
    fn text(self) -> &'static str {
        match self {
            Kernel::FewRowsThreads => include_str!("few_rows_threads.wgsl"),
            Kernel::FewRowsWorkgroup => include_str!("few_rows_workgroup.wgsl"),
            Kernel::ManyRowsThreads => include_str!("many_rows_threads.wgsl"),
            Kernel::ManyRowsTiles => include_str!("many_rows_tiles.wgsl"),
            Kernel::Rows => include_str!("rows.wgsl"),
        }
    }

    /// As in the kernel's `@workgroup_size`.
    fn workgroup(self) -> CubeDim {
        match self {
            Kernel::FewRowsThreads | Kernel::FewRowsWorkgroup | Kernel::Rows => CubeDim::new_1d(64),
            Kernel::ManyRowsThreads => CubeDim::new_2d(8, 8),
            Kernel::ManyRowsTiles => CubeDim::new_2d(16, 16),
        }
    }
}

/// A kernel for one format: what is compiled once.
struct Source(Kernel, QuantFormat);

impl Source {
    fn text(&self) -> String {
        [prelude(self.1), include_str!("common.wgsl"), self.0.text()].concat()
    }
}

impl KernelSource for Source {
    fn source(&self) -> SourceTemplate {
        SourceTemplate::new(self.text())
    }

    fn id(&self) -> KernelId {
        let id = KernelId::new::<Self>().info((self.0, self.1));
        id.cube_dim(self.0.workgroup().0)
    }

    fn lang(&self) -> &'static str {
        "wgsl"
    }
}

/// Runs a kernel over `input` and the matrix, `count` workgroups in x and y; a new tensor of `shape` gets the result.
pub(super) fn launch(
    kernel: Kernel,
    weight: &Quantized,
    input: CubeTensor,
    shape: [usize; 2],
    count: [u32; 2],
    numbers: [usize; 4],
) -> CubeTensor {
    let (words, scales) = (on_gpu(&weight.words), on_gpu(&weight.scales));
    let client = input.client.clone();
    let handle = client.empty(shape[0] * shape[1] * size_of::<f32>());
    let output = CubeTensor::new_contiguous(
        client.clone(),
        input.device.clone(),
        shape.into(),
        handle,
        DType::F32,
    );
    if shape.contains(&0) {
        return output;
    }
    // Two 32-bit numbers to a word of the uniform.
    let [a, b, c, d] = numbers.map(|number| number as u64);
    let mut arguments = KernelArguments::new()
        .with_buffer(input.handle.binding())
        .with_buffer(words.handle.binding())
        .with_buffer(scales.handle.binding())
        .with_buffer(output.handle.clone().binding());
    arguments.info = MetadataBindingInfo::custom(vec![a | b << 32, c | d << 32]);
    client.launch(
        Box::new(SourceKernel::new(
            Source(kernel, weight.format),
            kernel.workgroup(),
        )),
        CubeCount::Static(count[0], count[1], 1),
        arguments,
    );
    output
}
