//! The places that a model has for tensors.

use super::names::{Kind, published};
use crate::quant::QuantFormat;
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

/// All parameters of a model, in field order. Takes no memory for those that have not been set yet, and has to be asked
/// before they are: a quantized matrix knows its shape only as long as it is empty.
pub fn slots<M: Module>(kind: Kind, model: &M) -> Vec<Slot> {
    struct Collect {
        kind: Kind,
        path: Vec<String>,
        slots: Vec<Slot>,
    }
    impl Collect {
        fn add(&mut self, shape: Vec<usize>, format: Option<QuantFormat>) {
            let name = published(self.kind, &self.path.join("."));
            self.slots.push(Slot {
                name,
                shape,
                format,
            });
        }
    }
    impl ModuleVisitor for Collect {
        fn enter_module(&mut self, name: &str, _container_type: &str) {
            self.path.push(name.to_string());
        }
        fn exit_module(&mut self, _name: &str, _container_type: &str) {
            self.path.pop();
        }
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.add(param.lazy_shape().to_vec(), None);
        }
        fn visit_int<const D: usize>(&mut self, param: &Param<Tensor<D, Int>>) {
            // The only integers of a model: words and scales of its quantized matrices (`nn/weight.rs`).
            let format = match self.path.iter().rev().take(2).collect::<Vec<_>>()[..] {
                [field, format] if field == "words" && format == "Q8" => QuantFormat::Q8,
                [field, format] if field == "words" && format == "Q4" => QuantFormat::Q4,
                _ => return,
            };
            self.add(param.lazy_shape().to_vec(), Some(format));
        }
    }
    let mut collect = Collect {
        kind,
        path: vec![],
        slots: vec![],
    };
    model.visit(&mut collect);
    collect.slots
}

/// Flat tensors on the device, by published name.
#[derive(Default)]
pub(super) struct Arrived {
    pub(super) floats: HashMap<String, Tensor<1>>,
    /// Words of quantized matrices, and their scales as [`scales_of`] names them.
    pub(super) words: HashMap<String, Tensor<1, Int>>,
}

/// Puts tensors into the slots of their names. The caller has checked names and sizes.
pub(super) fn fill<M: Module>(kind: Kind, model: M, arrived: Arrived) -> M {
    struct Fill {
        kind: Kind,
        path: Vec<String>,
        arrived: Arrived,
    }
    impl Fill {
        fn name(&self) -> String {
            published(self.kind, &self.path.join("."))
        }
    }
    impl ModuleMapper for Fill {
        fn enter_module(&mut self, name: &str, _container_type: &str) {
            self.path.push(name.to_string());
        }
        fn exit_module(&mut self, _name: &str, _container_type: &str) {
            self.path.pop();
        }
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            match self.arrived.floats.remove(&self.name()) {
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
            match self.arrived.words.remove(&self.name()) {
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
        kind,
        path,
        arrived,
    })
}
