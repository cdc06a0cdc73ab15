//! From a kernel's name to its dispatch.

use super::products::Products;
use super::source::{Tile, unrolled, wgsl};
use super::{
    FEW_ROWS_TILE, Layout, Plan, activation, layout, prelude, quarter, row, scales, threads,
};
use crate::compute::Extras;
use crate::nn::Activation;
use crate::quant::QuantFormat;
use burn::backend::wgpu::{CubeDim, CubeTensor, KernelSource, SourceKernel, SourceTemplate};
use burn::cubecl::prelude::{CubeCount, KernelId};
use burn::cubecl::server::{KernelArguments, MetadataBindingInfo};
use burn::tensor::DType;

/// The kernels, each in a file of its own; those on matrices for one format, which is what is compiled once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kernel {
    FewRows {
        plan: Plan,
        format: QuantFormat,
        products: Products,
    },
    ManyRowsThreads(QuantFormat, Tile),
    ManyRowsTiles(QuantFormat, Extras),
    Rows(QuantFormat),
    DenseFew(Layout),
    DenseThreads(Layout, Tile),
    DenseTiles(Layout),
    Best,
    Append,
    RmsNorm(Plan),
    LayerNorm(Plan),
    Softmax {
        plan: Plan,
        biased: bool,
    },
    Activation {
        of: Activation,
        gated: bool,
    },
    /// With a bias or without, and of a new token, whose keys and values take their place first.
    AttendFew {
        plan: Plan,
        biased: bool,
        step: bool,
    },
}

impl Kernel {
    fn text(self) -> String {
        let on_matrix = |weights: &str, extras, text: &str| {
            let (type_of_scales, scale) = scales(extras);
            let matrix = [scale, weights].concat().replace('#', "");
            [type_of_scales, wgsl!("matrix.wgsl"), &matrix, text].concat()
        };
        let on_rows = |plan, text: &str| [threads(plan), row(plan), text].concat();
        let dense = |l, text: &str| [wgsl!("dense_common.wgsl"), layout(l), text].concat();
        let in_tiles = |tile: Tile, text| {
            let main = match tile.quads {
                true => wgsl!("quads.wgsl"),
                false => wgsl!("alone.wgsl"),
            };
            [wgsl!("tiles_of_threads.wgsl"), main, &unrolled(text, tile)].concat()
        };
        match self {
            Kernel::FewRows {
                plan,
                format,
                products,
            } => {
                let tile = FEW_ROWS_TILE;
                match plan {
                    Plan::Software { .. } => {
                        let product = unrolled(wgsl!("few_rows_threads_product.wgsl"), tile);
                        let product = quarter(format).to_string() + &product;
                        let text = unrolled(wgsl!("few_rows_threads.wgsl"), tile);
                        products.text(&product, plan.extras()) + &text
                    }
                    Plan::Hardware(extras) => {
                        let product = wgsl!("few_rows_workgroup_product.wgsl");
                        let products = products.text(product, extras);
                        let text = wgsl!("few_rows_workgroup.wgsl");
                        [prelude(format), threads(plan), &products, text].concat()
                    }
                }
            }
            Kernel::ManyRowsThreads(q, tile) => {
                let text = in_tiles(tile, wgsl!("many_rows_threads.wgsl"));
                on_matrix(quarter(q), Extras::NONE, &text)
            }
            Kernel::ManyRowsTiles(q, extras) => {
                on_matrix(prelude(q), extras, wgsl!("many_rows_tiles.wgsl"))
            }
            Kernel::Rows(q) => on_matrix(prelude(q), Extras::NONE, wgsl!("rows.wgsl")),
            Kernel::DenseFew(l) => dense(l, wgsl!("dense_few.wgsl")),
            Kernel::DenseThreads(l, tile) => dense(l, &in_tiles(tile, wgsl!("dense_threads.wgsl"))),
            Kernel::DenseTiles(l) => dense(l, wgsl!("dense_tiles.wgsl")),
            Kernel::Best => wgsl!("best.wgsl").to_string(),
            Kernel::Append => wgsl!("append.wgsl").to_string(),
            Kernel::RmsNorm(plan) => on_rows(plan, wgsl!("rms_norm.wgsl")),
            Kernel::LayerNorm(plan) => on_rows(plan, wgsl!("layer_norm.wgsl")),
            Kernel::Softmax { plan, biased } => {
                let biased = match biased {
                    true => wgsl!("softmax_biased.wgsl"),
                    false => wgsl!("softmax_plain.wgsl"),
                };
                let softmax = [wgsl!("softmax_common.wgsl"), biased, wgsl!("softmax.wgsl")];
                on_rows(plan, &softmax.concat())
            }
            Kernel::Activation { of, gated } => [
                match gated {
                    true => wgsl!("activation_gated.wgsl"),
                    false => wgsl!("activation_alone.wgsl"),
                },
                wgsl!("activation.wgsl"),
                &activation(of),
            ]
            .concat(),
            Kernel::AttendFew { plan, biased, step } => [
                threads(plan),
                wgsl!("attend_common.wgsl"),
                match biased {
                    true => wgsl!("attend_biased.wgsl"),
                    false => wgsl!("attend_plain.wgsl"),
                },
                match step {
                    true => wgsl!("attend_step.wgsl"),
                    false => "fn remember(past: u32, here: u32, thread: u32) {}",
                },
                match plan {
                    Plan::Software { .. } => wgsl!("attend_few_threads.wgsl"),
                    Plan::Hardware(_) => wgsl!("attend_few_workgroup.wgsl"),
                },
            ]
            .concat(),
        }
    }

    /// The text with what it needs of the adapter said first.
    pub(super) fn whole_text(self) -> String {
        let Extras { halves, subgroups } = self.extras();
        let mut text = String::new();
        if halves {
            text += "enable f16;\n";
        }
        // naga knows subgroups, but not that they have to be enabled.
        if subgroups && cfg!(target_arch = "wasm32") {
            text += "enable subgroups;\n";
        }
        text + &self.text()
    }

    /// What the text may use of the adapter.
    fn extras(self) -> Extras {
        match self {
            Kernel::FewRows { plan, .. } => plan.extras(),
            Kernel::ManyRowsTiles(_, extras) => extras,
            Kernel::ManyRowsThreads(_, tile) | Kernel::DenseThreads(_, tile) => Extras {
                subgroups: tile.quads,
                ..Extras::NONE
            },
            Kernel::RmsNorm(plan)
            | Kernel::LayerNorm(plan)
            | Kernel::Softmax { plan, .. }
            | Kernel::AttendFew { plan, .. } => plan.extras(),
            _ => Extras::NONE,
        }
    }

    /// As in the kernel's `@workgroup_size`.
    fn workgroup(self) -> CubeDim {
        match self {
            Kernel::ManyRowsTiles(..) | Kernel::DenseTiles(_) => CubeDim::new_2d(16, 16),
            Kernel::Best => CubeDim::new_1d(256),
            Kernel::FewRows {
                plan: Plan::Software { .. },
                ..
            } => CubeDim::new_1d(16),
            Kernel::ManyRowsThreads(..)
            | Kernel::DenseThreads(..)
            | Kernel::AttendFew {
                plan: Plan::Software { .. },
                ..
            } => CubeDim::new_1d(4),
            _ => CubeDim::new_1d(64),
        }
    }
}

impl KernelSource for Kernel {
    fn source(&self) -> SourceTemplate {
        SourceTemplate::new(self.whole_text())
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
/// the inputs, the result and a uniform of the `numbers`, a multiple of four.
pub(super) fn launch<const D: usize, const M: usize>(
    kernel: Kernel,
    inputs: &[&CubeTensor],
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

/// Runs a kernel that is bound to `buffers` and a uniform of the `numbers`, a multiple of four, over `count` workgroups.
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
