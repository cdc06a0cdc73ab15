//! Which kernels a GPU device takes.

/// Which kernels to take: a property of the device, chosen by its adapter. It decides about speed, never about results. The
/// processor has only one kernel of each kind.
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
    pub(super) fn of(features: burn::tensor::wgpu::wgpu::Features) -> Self {
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

    /// For a graphics card, and nothing that an adapter need not have: what a device has that nobody has said more of.
    pub const PORTABLE: Self = Plan::Hardware(Extras::NONE);

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
