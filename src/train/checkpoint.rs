//! Everything that a run needs to go on as if it had never stopped, in one safetensors file.

use super::adamw::{AdamW, Moments};
use super::curve::Curve;
use super::network::Network;
use super::recipe::Recipe;
use crate::checkpoint::each_parameter;
use crate::error::{Error, Result};
use crate::files;
use crate::formats::safetensors::{ElementType, TensorSpec, write_file};
use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, Tensor, TensorData};
use safetensors::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// Name of the file inside the run's folder.
pub(super) const CHECKPOINT: &str = "checkpoint.safetensors";

/// What is not a tensor. The scenes of a step follow from the seed and the step, so there is no random state.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Progress {
    pub recipe: Recipe,
    /// Steps done.
    pub step: usize,
    /// Time spent on them, in seconds.
    pub seconds: f64,
    pub curve: Curve,
}

const PROGRESS: &str = "progress";

/// Writes a checkpoint. A crash while writing leaves the one before in place.
///
/// # Errors
/// [`Error::Io`] when the file cannot be written, [`Error::Device`] when the parameters cannot be read.
pub(super) fn save(
    path: &Path,
    network: &Network,
    optimizer: &AdamW,
    progress: &Progress,
) -> Result<()> {
    let (mut tensors, mut problem) = (vec![], None);
    let mut push = |name: String, shape: Vec<usize>, floats: Tensor<1>| match floats.try_into_data()
    {
        Ok(data) => {
            let dtype = ElementType::F32;
            tensors.push((TensorSpec { name, dtype, shape }, data.as_bytes().to_vec()));
        }
        Err(error) => problem = Some(Error::device(error)),
    };
    each_parameter(network, &mut |parameter| {
        if let Some(floats) = parameter.floats {
            push(parameter.path, parameter.shape, floats().inner());
        }
    });
    for (name, moments) in &optimizer.moments {
        for (kind, moment) in [("first", &moments.first), ("second", &moments.second)] {
            let shape = moment.dims().to_vec();
            push(format!("adamw.{kind}.{name}"), shape, moment.clone());
        }
    }
    if let Some(problem) = problem {
        return Err(problem);
    }
    for (name, moments) in &optimizer.moments {
        let updates = TensorSpec {
            name: format!("adamw.updates.{name}"),
            dtype: ElementType::U32,
            shape: vec![1],
        };
        tensors.push((updates, moments.updates.to_le_bytes().to_vec()));
    }
    let io = |problem: &dyn std::fmt::Display| Error::Io {
        file: path.display().to_string(),
        problem: problem.to_string(),
    };
    let progress = serde_json::to_string(progress).map_err(|error| io(&error))?;
    let unfinished = path.with_extension("unfinished");
    write_file(&unfinished, &tensors, &[(PROGRESS, progress)])?;
    std::fs::rename(&unfinished, path).map_err(|error| io(&error))
}

/// What is not a tensor of a checkpoint, and the tensors, still as bytes.
pub(super) struct Checkpoint {
    file: String,
    bytes: Vec<u8>,
    pub progress: Progress,
}

impl Checkpoint {
    /// # Errors
    /// [`Error::NotFound`], [`Error::Io`] or [`Error::Corrupt`].
    pub fn read(path: &Path) -> Result<Self> {
        let file = path.display().to_string();
        let bytes = files::read(path)?;
        let (_, header) =
            SafeTensors::read_metadata(&bytes).map_err(|error| Error::corrupt(&file, error))?;
        let progress = header
            .metadata()
            .as_ref()
            .and_then(|metadata| metadata.get(PROGRESS))
            .ok_or_else(|| Error::corrupt(&file, "not a checkpoint: there is no progress in it"))?;
        let progress =
            serde_json::from_str(progress).map_err(|error| Error::corrupt(&file, error))?;
        Ok(Self {
            file,
            bytes,
            progress,
        })
    }

    /// Puts the weights into a network of the same shape, and the moments into an optimizer.
    ///
    /// # Errors
    /// [`Error::Corrupt`], [`Error::MissingTensors`] or [`Error::TensorShape`].
    pub fn restore(
        &self,
        network: Network,
        optimizer: &mut AdamW,
        device: &Device,
    ) -> Result<Network> {
        let tensors = SafeTensors::deserialize(&self.bytes)
            .map_err(|error| Error::corrupt(&self.file, error))?;
        let mut restore = Restore {
            file: &self.file,
            tensors: &tensors,
            device,
            path: vec![],
            moments: BTreeMap::new(),
            problem: None,
        };
        let network = network.map(&mut restore);
        if let Some(problem) = restore.problem {
            return Err(problem);
        }
        optimizer.moments = restore.moments;
        Ok(network)
    }
}

struct Restore<'a> {
    file: &'a str,
    tensors: &'a SafeTensors<'a>,
    device: &'a Device,
    path: Vec<String>,
    moments: BTreeMap<String, Moments>,
    problem: Option<Error>,
}

impl Restore<'_> {
    fn values(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let view = self
            .tensors
            .tensor(name)
            .map_err(|_| Error::MissingTensors {
                file: self.file.into(),
                tensors: vec![format!("{name} {shape:?}")],
            })?;
        if view.shape() != shape || view.dtype() != Dtype::F32 {
            return Err(Error::TensorShape {
                file: self.file.into(),
                tensor: name.into(),
                expected: shape.to_vec(),
                found: view.shape().to_vec(),
            });
        }
        let number = |b: &[u8; 4]| f32::from_le_bytes(*b);
        Ok(view.data().as_chunks::<4>().0.iter().map(number).collect())
    }

    /// The moments of a parameter of `count` elements; `None` where it has never been updated.
    fn moments(&self, name: &str, count: usize) -> Result<Option<Moments>> {
        let Ok(updates) = self.tensors.tensor(&format!("adamw.updates.{name}")) else {
            return Ok(None);
        };
        let Some(updates) = updates.data().first_chunk::<4>() else {
            return Err(Error::corrupt(
                self.file,
                format!("adamw.updates.{name} is empty"),
            ));
        };
        let tensor = |kind: &str| -> Result<Tensor<1>> {
            let values = self.values(&format!("adamw.{kind}.{name}"), &[count])?;
            // The moments live on the plain device: no gradient goes through them.
            let values = TensorData::new(values, [count]);
            Ok(Tensor::from_data(values, &self.device.clone().inner()))
        };
        Ok(Some(Moments {
            first: tensor("first")?,
            second: tensor("second")?,
            updates: u32::from_le_bytes(*updates),
        }))
    }
}

impl ModuleMapper for Restore<'_> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_string());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let name = self.path.join(".");
        let (id, tensor, mapper) = param.consume();
        let shape = tensor.dims();
        match self.moments(&name, shape.iter().product()) {
            Ok(Some(moments)) => drop(self.moments.insert(name.clone(), moments)),
            Ok(None) => {}
            Err(error) => self.problem = Some(error),
        }
        let tensor = match self.values(&name, &shape) {
            Ok(values) => {
                Tensor::from_data(TensorData::new(values, shape), self.device).require_grad()
            }
            Err(error) => {
                self.problem = Some(error);
                tensor
            }
        };
        Param::from_mapped_value(id, tensor, mapper)
    }
}
