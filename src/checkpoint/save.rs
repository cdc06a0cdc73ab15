//! Writing a model of floats as one safetensors file.

use super::header::ElementType;
use super::names::{Kind, published};
use crate::error::{Error, Result};
use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::Tensor;
use safetensors::tensor::TensorView;
use std::path::Path;

/// Writes all parameters under their published names, in one of the float types.
///
/// # Errors
/// [`Error::Io`] when the file cannot be written, [`Error::Device`] when a tensor cannot be read back.
pub fn save<M: Module>(kind: Kind, model: &M, dtype: ElementType, path: &Path) -> Result<()> {
    let mut collect = Collect {
        kind,
        dtype,
        path: vec![],
        tensors: Ok(vec![]),
    };
    model.visit(&mut collect);
    let tensors = collect.tensors?;
    let io = |problem: String| Error::Io {
        file: path.display().to_string(),
        problem,
    };
    let views = tensors
        .iter()
        .map(|(name, shape, bytes)| {
            let view = TensorView::new(dtype.stored(), shape.clone(), bytes);
            Ok((name.as_str(), view.map_err(|error| io(error.to_string()))?))
        })
        .collect::<Result<Vec<_>>>()?;
    // transformers refuses files without this.
    let metadata = [("format".to_string(), "pt".to_string())];
    let bytes = safetensors::serialize(views, Some(metadata.into()))
        .map_err(|error| io(error.to_string()))?;
    // Not safetensors' own file writer, which leaves files that only their owner can read.
    std::fs::write(path, bytes).map_err(|error| io(error.to_string()))
}

type Stored = (String, Vec<usize>, Vec<u8>);

struct Collect {
    kind: Kind,
    dtype: ElementType,
    path: Vec<String>,
    tensors: Result<Vec<Stored>>,
}

impl ModuleVisitor for Collect {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_string());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let Ok(tensors) = &mut self.tensors else {
            return;
        };
        let tensor = param.val();
        let (name, shape) = (
            published(self.kind, &self.path.join(".")),
            tensor.dims().to_vec(),
        );
        match pollster::block_on(crate::compute::device::read(tensor)) {
            Ok(values) => tensors.push((name, shape, self.dtype.encode(&values))),
            Err(error) => self.tensors = Err(error),
        }
    }
}
