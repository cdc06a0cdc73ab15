//! Which GPU kernels fit the adapter.

use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the process' adapter is a processor.
static SOFTWARE: AtomicBool = AtomicBool::new(false);
/// Which [`Extras`] its device has.
static HALVES: AtomicBool = AtomicBool::new(false);
static SUBGROUPS: AtomicBool = AtomicBool::new(false);
static QUADS: AtomicBool = AtomicBool::new(false);

/// Says what kind of adapter the process has opened: it decides between kernels, never about results.
pub fn adapter_is_software(software: bool) {
    SOFTWARE.store(software, Ordering::Relaxed);
}

/// Says what its device has: as [`adapter_is_software`].
pub fn adapter_has(extras: Extras) {
    HALVES.store(extras.halves, Ordering::Relaxed);
    SUBGROUPS.store(extras.subgroups, Ordering::Relaxed);
}

/// Says whether a software adapter's device has subgroups of four threads or more: as [`adapter_is_software`].
pub fn adapter_has_quads(quads: bool) {
    QUADS.store(quads, Ordering::Relaxed);
}

/// Which kernels to take. The processor has only one of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Plan {
    /// A thread for each tile of outputs or for each row, no barriers.
    Software {
        /// Four neighbouring threads read the activations of their tiles together, and hand each other what they have read. In
        /// browsers alone: Mesa's adapter takes twice as long for a picture's products so.
        quads: bool,
    },
    /// A workgroup for each four outputs, for each tile of outputs or for each row, with shared memory and what else there is.
    Hardware(Extras),
}

/// What WebGPU leaves to the adapter. Kernels are right without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Extras {
    /// `shader-f16`: scales are read as the halves that they are. Nothing is computed in halves: an activation of T5's may be
    /// larger than the largest.
    pub halves: bool,
    /// `subgroups`: neighbouring threads put their sums together without shared memory. wgpu has them natively alone.
    pub subgroups: bool,
}

impl Extras {
    /// What every adapter has.
    pub const NONE: Self = Self {
        halves: false,
        subgroups: false,
    };

    /// What a device with these features has.
    #[cfg(feature = "webgpu")]
    pub fn of(features: burn::tensor::wgpu::wgpu::Features) -> Self {
        use burn::tensor::wgpu::wgpu::Features;
        Self {
            halves: features.contains(Features::SHADER_F16),
            subgroups: features.contains(Features::SUBGROUP),
        }
    }
}

impl Plan {
    /// For software, and nothing that an adapter need not have.
    pub const SIMPLEST: Self = Plan::Software { quads: false };

    /// What fits the adapter.
    pub fn of_adapter() -> Self {
        match SOFTWARE.load(Ordering::Relaxed) {
            true => Plan::Software {
                quads: QUADS.load(Ordering::Relaxed),
            },
            false => Plan::Hardware(extras_of_adapter()),
        }
    }

    /// All that runs on the adapter, whether it fits or not: for tests and measurements.
    #[cfg(any(feature = "cli", feature = "testing"))]
    pub(crate) fn possible() -> Vec<Self> {
        let mut plans = vec![Plan::SIMPLEST, Plan::Hardware(Extras::NONE)];
        if QUADS.load(Ordering::Relaxed) {
            plans.push(Plan::Software { quads: true });
        }
        if extras_of_adapter() != Extras::NONE {
            plans.push(Plan::Hardware(extras_of_adapter()));
        }
        plans
    }

    /// What its kernels use.
    #[cfg(feature = "webgpu")]
    pub(super) fn extras(self) -> Extras {
        match self {
            Plan::Software { .. } => Extras::NONE,
            Plan::Hardware(extras) => extras,
        }
    }
}

/// For tables: `software`, `software + quads`, `hardware`, `hardware + f16 + subgroups`.
impl std::fmt::Display for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let extra = |there: bool, name| if there { name } else { "" };
        match self {
            Plan::Software { quads } => {
                f.write_str("software")?;
                f.write_str(extra(*quads, " + quads"))
            }
            Plan::Hardware(Extras { halves, subgroups }) => {
                f.write_str("hardware")?;
                f.write_str(extra(*halves, " + f16"))?;
                f.write_str(extra(*subgroups, " + subgroups"))
            }
        }
    }
}

fn extras_of_adapter() -> Extras {
    Extras {
        halves: HALVES.load(Ordering::Relaxed),
        subgroups: SUBGROUPS.load(Ordering::Relaxed),
    }
}
