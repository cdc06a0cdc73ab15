//! Which GPU kernels fit the adapter.

use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the process' adapter is a processor.
static SOFTWARE: AtomicBool = AtomicBool::new(false);

/// Says what kind of adapter the process has opened: it decides between kernels, never about results.
pub fn adapter_is_software(software: bool) {
    SOFTWARE.store(software, Ordering::Relaxed);
}

/// Which kernels to take. The processor has only one of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Plan {
    /// A thread for each four outputs or for each row, no barriers.
    Software,
    /// A workgroup for each four outputs, for each tile of outputs or for each row, with shared memory.
    Hardware,
}

impl Plan {
    /// What fits the adapter.
    pub fn of_adapter() -> Self {
        if SOFTWARE.load(Ordering::Relaxed) {
            Plan::Software
        } else {
            Plan::Hardware
        }
    }
}
