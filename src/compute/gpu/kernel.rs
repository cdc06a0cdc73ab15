//! The kernels by name, and their sources.

use super::products::{Products, activation};
use super::source::{ThreadTile, chosen, unrolled, wgsl};
use super::tiles::FEW_ROWS_TILE;
use super::{Extras, Plan};
use crate::compute::Activation;
use crate::compute::dense::Rhs;
use crate::formats::blocks::QuantFormat;
use burn::backend::wgpu::{CubeDim, KernelSource, SourceTemplate};
use burn::cubecl::prelude::KernelId;

/// The kernels, each in a file of its own; those on matrices for one format, which is what is compiled once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kernel {
    FewRows {
        plan: Plan,
        format: QuantFormat,
        products: Products,
    },
    ManyRowsThreads(QuantFormat, ThreadTile),
    ManyRowsTiles(QuantFormat, Extras),
    Rows(QuantFormat),
    DenseFew(Rhs),
    DenseThreads(Rhs, ThreadTile),
    DenseTiles(Rhs),
    Best,
    Append,
    RmsNorm(Plan),
    LayerNorm(Plan),
    Softmax {
        plan: Plan,
        biased: bool,
    },
    Activation {
        activation: Activation,
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
        let on_rows = |plan, text: &str| [threads(plan), row(plan), text].concat();
        let on_dense = |text: &str| [wgsl!("dense_inputs.wgsl"), text].concat();
        let in_tiles =
            |tile, text| [wgsl!("tiles_of_threads.wgsl"), &unrolled(text, tile)].concat();
        match self {
            Kernel::FewRows {
                plan,
                format,
                products,
            } => match plan {
                Plan::Software { .. } => {
                    let tile = FEW_ROWS_TILE;
                    let product = unrolled(wgsl!("few_rows_threads_product.wgsl"), tile);
                    let product = [quarter(format), &product].concat();
                    let text = unrolled(wgsl!("few_rows_threads.wgsl"), tile);
                    products.text(&product) + &text
                }
                Plan::Hardware(_) => {
                    let products = products.text(wgsl!("few_rows_workgroup_product.wgsl"));
                    let text = wgsl!("few_rows_workgroup.wgsl");
                    [words(format), threads(plan), &products, text].concat()
                }
            },
            Kernel::ManyRowsThreads(format, tile) => {
                let text = in_tiles(tile, wgsl!("many_rows_threads.wgsl"));
                on_matrix(quarter(format), &text)
            }
            Kernel::ManyRowsTiles(format, _) => {
                on_matrix(words(format), wgsl!("many_rows_tiles.wgsl"))
            }
            Kernel::Rows(format) => on_matrix(words(format), wgsl!("rows.wgsl")),
            Kernel::DenseFew(_) => on_dense(wgsl!("dense_few.wgsl")),
            Kernel::DenseThreads(_, tile) => on_dense(&in_tiles(tile, wgsl!("dense_threads.wgsl"))),
            Kernel::DenseTiles(_) => on_dense(wgsl!("dense_tiles.wgsl")),
            Kernel::Best => wgsl!("best.wgsl").to_string(),
            Kernel::Append => wgsl!("append.wgsl").to_string(),
            Kernel::RmsNorm(plan) => on_rows(plan, wgsl!("rms_norm.wgsl")),
            Kernel::LayerNorm(plan) => on_rows(plan, wgsl!("layer_norm.wgsl")),
            Kernel::Softmax { plan, .. } => on_rows(plan, wgsl!("softmax.wgsl")),
            Kernel::Activation { activation: of, .. } => {
                [wgsl!("activation.wgsl"), &activation(of)].concat()
            }
            Kernel::AttendFew { plan, .. } => {
                let text = match plan {
                    Plan::Software { .. } => wgsl!("attend_few_threads.wgsl"),
                    Plan::Hardware(_) => wgsl!("attend_few_workgroup.wgsl"),
                };
                [threads(plan), wgsl!("attend_inputs.wgsl"), text].concat()
            }
        }
    }

    /// Whether the lines between `#if flag` and `#end` are in the text.
    fn flag(self, flag: &str) -> bool {
        match (flag, self) {
            ("halves", _) => self.extras().halves,
            ("quads", Kernel::ManyRowsThreads(_, tile) | Kernel::DenseThreads(_, tile)) => {
                tile.quads
            }
            (
                "transposed",
                Kernel::DenseFew(rhs) | Kernel::DenseThreads(rhs, _) | Kernel::DenseTiles(rhs),
            ) => rhs == Rhs::Transposed,
            ("gated", Kernel::Activation { gated, .. }) => gated,
            ("biased", Kernel::Softmax { biased, .. } | Kernel::AttendFew { biased, .. }) => biased,
            ("step", Kernel::AttendFew { step, .. }) => step,
            _ => unreachable!("no flag {flag} for {self:?}"),
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
        text + wgsl!("grid.wgsl") + &chosen(&self.text(), |flag| self.flag(flag))
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
    pub(super) fn workgroup(self) -> CubeDim {
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

/// The part of a kernel's source in which a workgroup's threads put their numbers together, and `main`. The kernels of
/// software have no such thing.
fn threads(plan: Plan) -> &'static str {
    match plan {
        Plan::Hardware(extras) if extras.subgroups => wgsl!("subgroups.wgsl"),
        Plan::Hardware(_) => wgsl!("workgroup.wgsl"),
        Plan::Software { .. } => "",
    }
}

/// The part that deals out rows.
fn row(plan: Plan) -> &'static str {
    match plan {
        Plan::Hardware(_) => wgsl!("row_of_workgroup.wgsl"),
        Plan::Software { .. } => wgsl!("row_of_thread.wgsl"),
    }
}

/// A kernel on one quantized matrix, whose words are read by `format`.
fn on_matrix(format: &str, text: &str) -> String {
    let matrix = [wgsl!("scale.wgsl"), format].concat().replace("$m", "");
    let inputs = [wgsl!("type_of_scales.wgsl"), wgsl!("matrix.wgsl")].concat();
    [&inputs, &matrix, text].concat()
}

/// How a word of a format is read.
fn words(format: QuantFormat) -> &'static str {
    match format {
        QuantFormat::Q8 => wgsl!("q8.wgsl"),
        QuantFormat::Q4 => wgsl!("q4.wgsl"),
    }
}

/// The same in kernels for software adapters, for matrix `$m`.
fn quarter(format: QuantFormat) -> &'static str {
    match format {
        QuantFormat::Q8 => wgsl!("quarter_q8.wgsl"),
        QuantFormat::Q4 => wgsl!("quarter_q4.wgsl"),
    }
}
