//! Parameters before any weights have arrived: shape and initialiser are known, memory is not taken
//! until somebody reads them. Loading a checkpoint therefore never allocates a tensor twice.

use burn::module::{Param, ParamId};
use burn::tensor::{DType, Device, Distribution, Int, Tensor};

type Parameter<const D: usize> = Param<Tensor<D>>;

fn lazy<const D: usize>(
    shape: [usize; D],
    device: &Device,
    init: impl FnOnce([usize; D], &Device) -> Tensor<D> + Send + Sync + 'static,
) -> Parameter<D> {
    Param::uninitialized(
        ParamId::new(),
        move |device, require_grad| {
            let tensor = init(shape, device);
            if require_grad {
                tensor.require_grad()
            } else {
                tensor
            }
        },
        device.clone(),
        true,
        shape.into(),
    )
}

/// Normally distributed around 0.
pub(crate) fn random<const D: usize>(shape: [usize; D], std: f64, device: &Device) -> Parameter<D> {
    lazy(shape, device, move |shape, device| {
        Tensor::random(shape, Distribution::Normal(0.0, std), device)
    })
}

/// All 0: biases.
pub(crate) fn zeros<const D: usize>(shape: [usize; D], device: &Device) -> Parameter<D> {
    lazy(shape, device, |shape, device| Tensor::zeros(shape, device))
}

/// All 1: norm weights.
pub(crate) fn ones<const D: usize>(shape: [usize; D], device: &Device) -> Parameter<D> {
    lazy(shape, device, |shape, device| Tensor::ones(shape, device))
}

/// `count` words, all 0. Until they are set, `shape` is what [`Param::lazy_shape`] says: of a matrix in blocks the
/// shape of the matrix, which a loader has to know.
pub(crate) fn empty_words(count: usize, shape: &[usize], device: &Device) -> Param<Tensor<1, Int>> {
    Param::uninitialized(
        ParamId::new(),
        move |device, _| Tensor::zeros([count], (device, DType::U32)),
        device.clone(),
        false,
        shape.to_vec().into(),
    )
}
