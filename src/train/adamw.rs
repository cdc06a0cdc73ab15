//! AdamW (Loshchilov & Hutter 2019) with the gradients clipped by their norm over all parameters.
//!
//! burn's own optimizer clips each tensor by itself, and puts a loaded state on the default device, which is WebGPU in
//! this crate and may not be there at all.

use crate::error::{Error, Result};
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use std::collections::BTreeMap;

const BETA_1: f64 = 0.9;
/// Lower than the usual 0.999: the runs are short, and the second moment has to keep up.
const BETA_2: f64 = 0.98;
const EPSILON: f64 = 1e-8;

/// Running averages of one parameter's gradient and of its square, flat, and how many went in.
#[derive(Debug, Clone)]
pub(super) struct Moments {
    pub first: Tensor<1>,
    pub second: Tensor<1>,
    pub updates: u32,
}

/// The optimizer's state, by the parameter's path in the module.
#[derive(Debug, Clone)]
pub(super) struct AdamW {
    /// Share of the learning rate by which matrices shrink; norms and biases do not.
    pub weight_decay: f64,
    /// Longer gradients are shortened to this norm.
    pub max_gradient_norm: f64,
    pub moments: BTreeMap<String, Moments>,
}

impl AdamW {
    pub fn new(weight_decay: f64, max_gradient_norm: f64) -> Self {
        Self {
            weight_decay,
            max_gradient_norm,
            moments: BTreeMap::new(),
        }
    }

    /// Updates the parameters that have a gradient.
    ///
    /// # Errors
    /// [`Error::NotFinite`] when a gradient is not finite: nothing that follows could be learnt.
    pub fn step<M: Module>(
        &mut self,
        module: M,
        gradients: GradientsParams,
        learning_rate: f64,
    ) -> Result<M> {
        let mut squares = SumOfSquares {
            gradients: &gradients,
            sum: None,
        };
        module.visit(&mut squares);
        let Some(sum) = squares.sum else {
            return Ok(module);
        };
        let norm = f64::from(super::network::scalar(sum)?).sqrt();
        if !norm.is_finite() {
            let problem = format!("the gradient's norm is {norm}; try a lower learning rate");
            return Err(Error::NotFinite { problem });
        }
        let scale = (self.max_gradient_norm / norm.max(1e-12)).min(1.0);
        let path = vec![];
        Ok(module.map(&mut Update {
            optimizer: self,
            gradients,
            scale,
            learning_rate,
            path,
        }))
    }
}

struct SumOfSquares<'a> {
    gradients: &'a GradientsParams,
    sum: Option<Tensor<1>>,
}

impl ModuleVisitor for SumOfSquares<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.get::<D>(param.id) {
            let square = gradient.square().sum();
            self.sum = Some(match self.sum.take() {
                Some(sum) => sum + square,
                None => square,
            });
        }
    }
}

struct Update<'a> {
    optimizer: &'a mut AdamW,
    gradients: GradientsParams,
    scale: f64,
    learning_rate: f64,
    path: Vec<String>,
}

impl ModuleMapper for Update<'_> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_string());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, parameter, mapper) = param.consume();
        let Some(gradient) = self.gradients.remove::<D>(id) else {
            return Param::from_mapped_value(id, parameter, mapper);
        };
        let shape = parameter.dims();
        let count = shape.iter().product::<usize>();
        let gradient = gradient.reshape([count]).mul_scalar(self.scale);
        let moments = match self.optimizer.moments.remove(&self.path.join(".")) {
            Some(old) => Moments {
                first: old.first.mul_scalar(BETA_1) + gradient.clone().mul_scalar(1.0 - BETA_1),
                second: old.second.mul_scalar(BETA_2) + gradient.square().mul_scalar(1.0 - BETA_2),
                updates: old.updates.saturating_add(1),
            },
            None => Moments {
                first: gradient.clone().mul_scalar(1.0 - BETA_1),
                second: gradient.square().mul_scalar(1.0 - BETA_2),
                updates: 1,
            },
        };
        let corrected = |beta: f64| 1.0 - beta.powi(moments.updates.min(1 << 30) as i32);
        let deviation = moments
            .second
            .clone()
            .div_scalar(corrected(BETA_2))
            .sqrt()
            .add_scalar(EPSILON);
        let direction = moments.first.clone().div_scalar(corrected(BETA_1)) / deviation;
        // Vectors are norms and biases.
        let decay = if D > 1 {
            self.learning_rate * self.optimizer.weight_decay
        } else {
            0.0
        };
        let updated = parameter.inner().reshape([count]).mul_scalar(1.0 - decay)
            - direction.mul_scalar(self.learning_rate);
        self.optimizer.moments.insert(self.path.join("."), moments);
        let updated = Tensor::from_inner(updated.reshape(shape)).require_grad();
        Param::from_mapped_value(id, updated, mapper)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::{Linear, Place};
    use burn::tensor::{Device, TensorData};

    /// Two steps of `torch.optim.AdamW(lr=0.1, betas=(0.9, 0.98), weight_decay=0.5)` from weight [[1, -2]], bias [3]
    /// with the loss `w0 * 2 + w1 * 1 + b` after `clip_grad_norm_(1.0)`; torch 2.11.
    #[test]
    fn equals_torch() {
        let device = Device::flex().autodiff();
        let mut layer = Linear::new(2, 1, true, 1.0, &Place::dense(&device));
        layer = set(layer, &[1.0, -2.0], &[3.0]);
        let mut optimizer = AdamW::new(0.5, 1.0);
        for _ in 0..2 {
            let x = Tensor::<2>::from_data(TensorData::new(vec![2.0_f32, 1.0], [1, 2]), &device);
            let gradients = layer.forward(x).sum().backward();
            let gradients = GradientsParams::from_grads(gradients, &layer);
            layer = optimizer.step(layer, gradients, 0.1).unwrap();
        }
        let mut values = Values(vec![]);
        layer.visit(&mut values);
        values.0.sort_by(f32::total_cmp);
        let expected = EXPECTED;
        for (value, expected) in values.0.iter().zip(expected) {
            assert!((value - expected).abs() < 1e-5, "{:?}", values.0);
        }
        assert_eq!(values.0.len(), expected.len());
    }

    const EXPECTED: [f32; 3] = [-2.0, 0.7075, 2.8];

    struct Values(Vec<f32>);

    impl ModuleVisitor for Values {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.0
                .extend(param.val().into_data().try_to_vec::<f32>().unwrap());
        }
    }

    fn set(layer: Linear, weight: &[f32], bias: &[f32]) -> Linear {
        struct Set<'a>(&'a [f32], &'a [f32]);
        impl ModuleMapper for Set<'_> {
            fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
                let (id, tensor, mapper) = param.consume();
                let values = if D == 2 { self.0 } else { self.1 };
                let data = TensorData::new(values.to_vec(), tensor.dims());
                let value = Tensor::from_data(data, &tensor.device()).require_grad();
                Param::from_mapped_value(id, value, mapper)
            }
        }
        layer.map(&mut Set(weight, bias))
    }
}
