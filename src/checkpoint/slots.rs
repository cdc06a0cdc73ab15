//! A model's parameters by their published names: what they are, and how they are set.

use super::names::TensorNames;
use crate::formats::blocks::QuantFormat;
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::tensor::{Int, Tensor};
use std::collections::HashMap;

/// One parameter of a model; a quantized matrix counts as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// Published name.
    pub name: String,
    /// Shape.
    pub shape: Vec<usize>,
    /// Blocks that a quantized matrix is stored in; `None`: floats.
    pub format: Option<QuantFormat>,
}

impl Slot {
    /// Number of elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The name of a quantized matrix' scales, from the matrix' own.
pub(super) fn scales_of(weight: &str) -> String {
    format!(
        "{}.scales",
        weight.strip_suffix(".weight").unwrap_or(weight)
    )
}

/// A parameter, as [`each_parameter`] comes by it.
pub(crate) struct Parameter<'a> {
    /// Its path through the fields.
    pub(crate) path: String,
    /// Its shape; of a quantized matrix' words, before they are set, the matrix' shape.
    pub(crate) shape: Vec<usize>,
    /// Its floats, flat, which are made when they are asked for; `None` for integers.
    pub(crate) floats: Option<&'a dyn Fn() -> Tensor<1>>,
}

/// Visits all parameters of a model in field order. Takes no memory for those that have not been set yet, unless it is asked for
/// their floats.
pub(crate) fn each_parameter<M: Module>(model: &M, visit: &mut dyn FnMut(Parameter)) {
    struct Visitor<'a> {
        path: Vec<String>,
        visit: &'a mut dyn FnMut(Parameter),
    }
    impl ModuleVisitor for Visitor<'_> {
        fn enter_module(&mut self, name: &str, _container_type: &str) {
            self.path.push(name.to_string());
        }
        fn exit_module(&mut self, _name: &str, _container_type: &str) {
            self.path.pop();
        }
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let shape = param.lazy_shape().to_vec();
            let elements = shape.iter().product::<usize>();
            (self.visit)(Parameter {
                path: self.path.join("."),
                shape,
                floats: Some(&|| param.val().reshape([elements])),
            });
        }
        fn visit_int<const D: usize>(&mut self, param: &Param<Tensor<D, Int>>) {
            (self.visit)(Parameter {
                path: self.path.join("."),
                shape: param.lazy_shape().to_vec(),
                floats: None,
            });
        }
    }
    let path = vec![];
    model.visit(&mut Visitor { path, visit });
}

/// All parameters of a model, in field order. Has to be asked before they are set: a quantized matrix knows its shape only as
/// long as it is empty.
pub fn slots<M: Module>(names: &TensorNames, model: &M) -> Vec<Slot> {
    let mut slots = vec![];
    each_parameter(model, &mut |Parameter {
                                    path,
                                    shape,
                                    floats,
                                }| {
        // The only integers of a model: words and scales of its quantized matrices (`nn/weight.rs`).
        let format = match floats {
            Some(_) => None,
            None if path.ends_with(".Q8.words") => Some(QuantFormat::Q8),
            None if path.ends_with(".Q4.words") => Some(QuantFormat::Q4),
            None => return,
        };
        slots.push(Slot {
            name: names.of_parameter(&path),
            shape,
            format,
        });
    });
    slots
}

/// Flat tensors on the device, by published name.
#[derive(Default)]
pub struct DeviceTensors {
    pub(super) floats: HashMap<String, Tensor<1>>,
    /// Words of quantized matrices, and their scales as [`scales_of`] names them.
    pub(super) words: HashMap<String, Tensor<1, Int>>,
}

/// Puts tensors into the slots of their names, which [`super::Checkpoint::stream`] has compared with the model's.
pub fn fill<M: Module>(names: &TensorNames, model: M, tensors: DeviceTensors) -> M {
    struct Fill<'a> {
        names: &'a TensorNames,
        path: Vec<String>,
        tensors: DeviceTensors,
    }
    impl Fill<'_> {
        fn name(&self) -> String {
            self.names.of_parameter(&self.path.join("."))
        }
    }
    impl ModuleMapper for Fill<'_> {
        fn enter_module(&mut self, name: &str, _container_type: &str) {
            self.path.push(name.to_string());
        }
        fn exit_module(&mut self, _name: &str, _container_type: &str) {
            self.path.pop();
        }
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            match self.tensors.floats.remove(&self.name()) {
                Some(tensor) => {
                    let tensor = tensor.reshape(param.lazy_shape());
                    Param::initialized(ParamId::new(), tensor)
                }
                None => param,
            }
        }
        fn map_int<const D: usize>(
            &mut self,
            param: Param<Tensor<D, Int>>,
        ) -> Param<Tensor<D, Int>> {
            match self.tensors.words.remove(&self.name()) {
                Some(tensor) => {
                    let mut shape = [1; D];
                    shape[D - 1] = tensor.dims()[0];
                    Param::initialized(ParamId::new(), tensor.reshape(shape))
                }
                None => param,
            }
        }
    }
    let path = vec![];
    model.map(&mut Fill {
        names,
        path,
        tensors,
    })
}
