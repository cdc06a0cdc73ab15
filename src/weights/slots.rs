//! The places that a model has for tensors.

use super::names::{Kind, published};
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::tensor::Tensor;
use std::collections::HashMap;

/// One parameter of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// Published name.
    pub name: String,
    /// Shape.
    pub shape: Vec<usize>,
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

/// All parameters of a model, in field order. Takes no memory for those that have not been set yet.
pub fn slots<M: Module>(kind: Kind, model: &M) -> Vec<Slot> {
    struct Collect {
        kind: Kind,
        path: Vec<String>,
        slots: Vec<Slot>,
    }
    impl ModuleVisitor for Collect {
        fn enter_module(&mut self, name: &str, _container_type: &str) {
            self.path.push(name.to_string());
        }
        fn exit_module(&mut self, _name: &str, _container_type: &str) {
            self.path.pop();
        }
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.slots.push(Slot {
                name: published(self.kind, &self.path.join(".")),
                shape: param.lazy_shape().to_vec(),
            });
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

/// Puts tensors (flat, on the device) into the slots of their names. The caller has checked names and sizes.
pub(super) fn fill<M: Module>(kind: Kind, model: M, tensors: HashMap<String, Tensor<1>>) -> M {
    struct Fill {
        kind: Kind,
        path: Vec<String>,
        tensors: HashMap<String, Tensor<1>>,
    }
    impl ModuleMapper for Fill {
        fn enter_module(&mut self, name: &str, _container_type: &str) {
            self.path.push(name.to_string());
        }
        fn exit_module(&mut self, _name: &str, _container_type: &str) {
            self.path.pop();
        }
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            let name = published(self.kind, &self.path.join("."));
            match self.tensors.remove(&name) {
                Some(tensor) => {
                    let tensor = tensor.reshape(param.lazy_shape());
                    Param::initialized(ParamId::new(), tensor)
                }
                None => param,
            }
        }
    }
    let path = vec![];
    model.map(&mut Fill {
        kind,
        path,
        tensors,
    })
}
