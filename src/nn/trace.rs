//! Named intermediate results, for parity tests and `pali3 compare`-like tools.

use burn::tensor::{Tensor, TensorData};
use std::cell::RefCell;

use crate::error::{Error, Result};

/// One recorded tensor: its name and its value, still on the device.
pub type Traced = (String, Vec<usize>, Tensor<1>);

/// Collects intermediates while a model runs; switched off it costs one branch per name.
#[derive(Debug, Default)]
pub struct Trace {
    records: Option<RefCell<Vec<Traced>>>,
}

impl Trace {
    /// Records nothing.
    pub fn off() -> Self {
        Self::default()
    }

    /// Records everything.
    pub fn on() -> Self {
        Self {
            records: Some(RefCell::default()),
        }
    }

    /// Notes a tensor under the name that the reference scripts use. The name is only built when recording.
    pub fn record<const D: usize>(&self, name: impl FnOnce() -> String, tensor: &Tensor<D>) {
        if let Some(records) = &self.records {
            let shape = tensor.dims();
            let flat = tensor.clone().reshape([shape.iter().product::<usize>()]);
            records.borrow_mut().push((name(), shape.to_vec(), flat));
        }
    }

    /// Everything recorded so far, in order, read back to the host.
    ///
    /// # Errors
    /// [`Error::Device`] when the device fails while reading.
    pub async fn into_data(self) -> Result<Vec<(String, TensorData)>> {
        let mut out = Vec::new();
        for (name, shape, flat) in self.records.into_iter().flat_map(RefCell::into_inner) {
            let values = crate::device::read(flat).await?;
            out.push((name, TensorData::new(values, shape)));
        }
        Ok(out)
    }
}

impl From<burn::tensor::ExecutionError> for Error {
    fn from(error: burn::tensor::ExecutionError) -> Self {
        Error::device(format!("{error:?}"))
    }
}
