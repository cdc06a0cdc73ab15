//! From a kernel's name to its dispatch.

use super::{Layout, Plan, activation, layout, prelude, row};
use crate::nn::Activation;
use crate::quant::QuantFormat;
use burn::backend::wgpu::{CubeDim, CubeTensor, KernelSource, SourceKernel, SourceTemplate};
use burn::cubecl::prelude::{CubeCount, KernelId};
use burn::cubecl::server::{KernelArguments, MetadataBindingInfo};
use burn::tensor::DType;

/// The kernels, each in a file of its own; those on matrices for one format, which is what is compiled once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kernel {
    FewRowsThreads(QuantFormat),
    FewRowsWorkgroup(QuantFormat),
    ManyRowsThreads(QuantFormat),
    ManyRowsTiles(QuantFormat),
    Rows(QuantFormat),
    DenseFew(Layout),
    DenseThreads(Layout),
    DenseTiles(Layout),
    Best,
    Append,
    RmsNorm(Plan),
    LayerNorm(Plan),
    Softmax { plan: Plan, biased: bool },
    Activation { of: Activation, gated: bool },
}

impl Kernel {
    fn text(self) -> String {
        let on_matrix =
            |format, text| [prelude(format), include_str!("common.wgsl"), text].concat();
        let on_rows = |plan, text| [row(plan), text].concat();
        let dense = |l, text| [include_str!("dense_common.wgsl"), layout(l), text].concat();
        match self {
            Kernel::FewRowsThreads(q) => on_matrix(q, include_str!("few_rows_threads.wgsl")),
            Kernel::FewRowsWorkgroup(q) => on_matrix(q, include_str!("few_rows_workgroup.wgsl")),
            Kernel::ManyRowsThreads(q) => on_matrix(q, include_str!("many_rows_threads.wgsl")),
            Kernel::ManyRowsTiles(q) => on_matrix(q, include_str!("many_rows_tiles.wgsl")),
            Kernel::Rows(q) => on_matrix(q, include_str!("rows.wgsl")),
            Kernel::DenseFew(l) => dense(l, include_str!("dense_few.wgsl")),
            Kernel::DenseThreads(l) => dense(l, include_str!("dense_threads.wgsl")),
            Kernel::DenseTiles(l) => dense(l, include_str!("dense_tiles.wgsl")),
            Kernel::Best => include_str!("best.wgsl").to_string(),
            Kernel::Append => include_str!("append.wgsl").to_string(),
            Kernel::RmsNorm(plan) => on_rows(plan, include_str!("rms_norm.wgsl")),
            Kernel::LayerNorm(plan) => on_rows(plan, include_str!("layer_norm.wgsl")),
            Kernel::Softmax { plan, biased } => [
                row(plan),
                include_str!("softmax_common.wgsl"),
                match biased {
                    true => include_str!("softmax_biased.wgsl"),
                    false => include_str!("softmax_plain.wgsl"),
                },
                include_str!("softmax.wgsl"),
            ]
            .concat(),
            Kernel::Activation { of, gated } => [
                match gated {
                    true => include_str!("activation_gated.wgsl"),
                    false => include_str!("activation_alone.wgsl"),
                },
                include_str!("activation.wgsl"),
                activation(of),
            ]
            .concat(),
        }
    }

    /// As in the kernel's `@workgroup_size`.
    fn workgroup(self) -> CubeDim {
        match self {
            Kernel::ManyRowsThreads(_) | Kernel::DenseThreads(_) => CubeDim::new_2d(8, 8),
            Kernel::ManyRowsTiles(_) | Kernel::DenseTiles(_) => CubeDim::new_2d(16, 16),
            Kernel::Best => CubeDim::new_1d(256),
            _ => CubeDim::new_1d(64),
        }
    }
}

impl KernelSource for Kernel {
    fn source(&self) -> SourceTemplate {
        SourceTemplate::new(self.text())
    }

    fn id(&self) -> KernelId {
        KernelId::new::<Self>()
            .info(*self)
            .cube_dim(self.workgroup().0)
    }

    fn lang(&self) -> &'static str {
        "wgsl"
    }
}

/// Runs a kernel over `inputs`, `count` workgroups; a new tensor of `shape` gets the result. The bindings are
/// the inputs, the result and a uniform of the `numbers`, four or eight.
pub(super) fn launch<const N: usize, const D: usize, const M: usize>(
    kernel: Kernel,
    inputs: [&CubeTensor; N],
    shape: [usize; D],
    count: [u32; 3],
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
    dispatch(kernel, &buffers, count, numbers);
    output
}

/// Runs a kernel that is bound to `buffers` and a uniform of the `numbers`, four or eight, over `count` workgroups.
pub(super) fn dispatch<const M: usize>(
    kernel: Kernel,
    buffers: &[&CubeTensor],
    count: [u32; 3],
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
        CubeCount::Static(count[0], count[1], count[2]),
        arguments,
    );
}
