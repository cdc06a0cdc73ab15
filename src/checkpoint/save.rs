//! Writing a model of floats as one safetensors file.

use super::names::TensorNames;
use super::slots::each_parameter;
use crate::compute::device::read;
use crate::error::Result;
use crate::formats::safetensors::{ElementType, TensorSpec, write_file};
use burn::module::Module;
use std::path::Path;

/// Writes all parameters under their published names, in one of the float types.
///
/// # Errors
/// [`crate::Error::Io`] when the file cannot be written, [`crate::Error::Device`] when a tensor cannot be read back.
pub fn save<M: Module>(
    names: &TensorNames,
    model: &M,
    dtype: ElementType,
    path: &Path,
) -> Result<()> {
    let mut tensors = vec![];
    each_parameter(model, &mut |parameter| {
        if let Some(floats) = parameter.floats {
            let spec = TensorSpec {
                name: names.of_parameter(&parameter.path),
                dtype,
                shape: parameter.shape,
            };
            let values = pollster::block_on(read(floats()));
            tensors.push(values.map(|values| (spec, dtype.encode(&values))));
        }
    });
    write_file(path, &tensors.into_iter().collect::<Result<Vec<_>>>()?, &[])
}
