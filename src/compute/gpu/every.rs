//! Every kernel's source, also those for what the adapter at hand has not: a test shows them to the browser's compiler.

use super::kernel::Kernel;
use super::products::Products;
use super::tiles::{dense_tile, many_rows_tile};
use super::{Extras, Plan};
use crate::compute::Activation;
use crate::compute::dense::Rhs;
use crate::formats::blocks::QuantFormat;

/// Names and sources.
pub fn sources() -> Vec<(String, String)> {
    every()
        .into_iter()
        .map(|kernel| (format!("{kernel:?}"), kernel.whole_text()))
        .collect()
}

fn every() -> Vec<Kernel> {
    const BOTH: [bool; 2] = [false, true];
    const FORMATS: [QuantFormat; 2] = [QuantFormat::Q8, QuantFormat::Q4];
    // `Gelu` has no kernel.
    const ACTIVATIONS: [Activation; 4] = [
        Activation::Relu,
        Activation::GeluTanh,
        Activation::QuickGelu,
        Activation::Silu,
    ];
    let extras = BOTH.map(|halves| BOTH.map(|subgroups| Extras { halves, subgroups }));
    let extras = extras.as_flattened();
    let mut plans = vec![Plan::SIMPLEST];
    plans.extend(extras.iter().map(|&extras| Plan::Hardware(extras)));

    let mut kernels = vec![Kernel::Best, Kernel::Append];
    for rhs in [Rhs::Transposed, Rhs::Plain] {
        kernels.extend([Kernel::DenseFew(rhs), Kernel::DenseTiles(rhs)]);
        let alone = [1, 4, 16].map(|rows| dense_tile(rows, false, false));
        let quads = [(4, false), (16, false), (16, true)];
        let quads = quads.map(|(rows, large)| dense_tile(rows, true, large));
        let tiles = alone.into_iter().chain(quads);
        kernels.extend(tiles.map(|tile| Kernel::DenseThreads(rhs, tile)));
    }
    for activation in ACTIVATIONS {
        kernels.extend(BOTH.map(|gated| Kernel::Activation { activation, gated }));
    }
    for format in FORMATS {
        kernels.push(Kernel::Rows(format));
        let tiles = [(false, false), (true, false), (true, true)];
        let tiles = tiles.map(|(quads, large)| many_rows_tile(quads, large));
        kernels.extend(tiles.map(|tile| Kernel::ManyRowsThreads(format, tile)));
        kernels.extend(extras.iter().map(|&e| Kernel::ManyRowsTiles(format, e)));
    }
    let mut products = vec![Products::One, Products::Residual, Products::Three];
    products.extend(ACTIVATIONS.map(Products::Gated));
    for plan in plans {
        kernels.extend([Kernel::RmsNorm(plan), Kernel::LayerNorm(plan)]);
        for biased in BOTH {
            kernels.push(Kernel::Softmax { plan, biased });
            kernels.extend(BOTH.map(|step| Kernel::AttendFew { plan, biased, step }));
        }
        for format in FORMATS {
            kernels.extend(products.iter().map(|&products| Kernel::FewRows {
                plan,
                format,
                products,
            }));
        }
    }
    kernels
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn sources_are_whole_and_each_is_there_once() {
        let sources = sources();
        let names: HashSet<&String> = sources.iter().map(|(name, _)| name).collect();
        assert_eq!(names.len(), sources.len());
        for (name, text) in &sources {
            assert!(!text.contains(['$', '#']), "{name}: {text}");
        }
    }
}
