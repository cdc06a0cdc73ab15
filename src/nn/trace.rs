//! Named intermediate results, for parity tests, `pali3 compare` and whatever else looks inside.

use burn::tensor::{Tensor, TensorData};
use std::cell::RefCell;

use crate::error::Result;

/// One recorded tensor: its name, its shape and its values, flat and still on the device.
pub type Traced = (String, Vec<usize>, Tensor<1>);

/// Collects intermediates while a model runs; switched off it costs one branch per name.
#[derive(Default)]
pub struct Trace {
    mode: Mode,
    records: RefCell<Vec<Traced>>,
}

#[derive(Default)]
enum Mode {
    #[default]
    Off,
    /// All that is computed anyway.
    On,
    /// What the filter names, even where it is only computed for a trace.
    Only(Box<dyn Fn(&str) -> bool>),
}

impl Trace {
    /// Records nothing.
    pub fn off() -> Self {
        Self::default()
    }

    /// Records everything that a run computes anyway.
    pub fn on() -> Self {
        Self {
            mode: Mode::On,
            ..Self::default()
        }
    }

    /// Records what `wanted` says yes to, also what is computed for nobody else (see [`Trace::asks_for`]).
    pub fn only(wanted: impl Fn(&str) -> bool + 'static) -> Self {
        Self {
            mode: Mode::Only(Box::new(wanted)),
            ..Self::default()
        }
    }

    /// Whether nothing is recorded.
    pub fn is_off(&self) -> bool {
        matches!(self.mode, Mode::Off)
    }

    /// Whether to compute what nothing but a trace needs: only for one that was made for this name.
    pub fn asks_for(&self, name: impl FnOnce() -> String) -> bool {
        match &self.mode {
            Mode::Only(wanted) => wanted(&name()),
            Mode::Off | Mode::On => false,
        }
    }

    /// Notes a tensor under the name that the reference scripts use. The name is only built when recording.
    pub fn record<const D: usize>(&self, name: impl FnOnce() -> String, tensor: &Tensor<D>) {
        let name = match &self.mode {
            Mode::Off => return,
            Mode::On => name(),
            Mode::Only(wanted) => {
                let name = name();
                if !wanted(&name) {
                    return;
                }
                name
            }
        };
        let shape = tensor.dims();
        let flat = tensor.clone().reshape([shape.iter().product::<usize>()]);
        self.records.borrow_mut().push((name, shape.to_vec(), flat));
    }

    /// Everything recorded so far, in order, where it is.
    pub fn into_records(self) -> Vec<Traced> {
        self.records.into_inner()
    }

    /// Everything recorded so far, in order, read back to the host.
    ///
    /// # Errors
    /// [`crate::Error::Device`] when the device fails while reading.
    pub async fn into_data(self) -> Result<Vec<(String, TensorData)>> {
        let mut out = Vec::new();
        for (name, shape, flat) in self.into_records() {
            let values = crate::compute::device::read(flat).await?;
            out.push((name, TensorData::new(values, shape)));
        }
        Ok(out)
    }
}
