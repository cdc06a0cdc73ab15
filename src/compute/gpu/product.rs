//! Products with quantized matrices, and what is made of them on the way out: a token of the decoder is hundreds of small
//! products, and on a graphics card each dispatch costs more than its arithmetic.

use super::devices::plan_of;
use super::kernel::Kernel;
use super::launch::launch;
use super::products::Products;
use super::tensors::{contiguous, matrix, on_gpu, primitive, tensor};
use super::tiles::{
    FEW_ROWS_TILE, WORKGROUP_TILE, few_rows, is_large, many_rows_tile, workgroups_of_tiles,
};
use super::{Gpu, Plan};
use crate::compute::product::ProductKernels;
use crate::compute::{Activation, Epilogue, QuantizedMatrix};
use crate::formats::blocks::blocks;
use burn::backend::wgpu::{CubeTensor, into_contiguous};
use burn::tensor::{DType, Tensor};

impl ProductKernels for Gpu {
    fn product(
        x: &Tensor<2>,
        weight: &QuantizedMatrix,
        epilogue: Epilogue,
    ) -> Result<Tensor<2>, Epilogue> {
        let Some(x) = contiguous(x) else {
            return Err(epilogue);
        };
        let plan = plan_of(&x.device);
        Ok(match x.meta.shape()[0] <= few_rows(plan) {
            true => of_few_rows(x, weight, epilogue, plan),
            false => of_many_rows(x, weight, epilogue, plan),
        })
    }

    /// `None` also for many rows and for matrices of different forms.
    fn product_three(x: &Tensor<2>, weights: [&QuantizedMatrix; 3]) -> Option<Tensor<3>> {
        several(Products::Three, x, &weights)
    }

    /// As [`Gpu::product_three`]; `None` also for an activation that WGSL has not.
    fn product_gated(
        x: &Tensor<2>,
        weights: [&QuantizedMatrix; 2],
        activation: Activation,
    ) -> Option<Tensor<2>> {
        if activation == Activation::Gelu {
            return None;
        }
        let y = several(Products::Gated(activation), x, &weights)?;
        Some(y.squeeze_dim(0))
    }
}

/// What a kernel adds is taken out of the epilogue; burn adds the rest.
fn of_few_rows(
    x: CubeTensor,
    weight: &QuantizedMatrix,
    mut epilogue: Epilogue,
    plan: Plan,
) -> Tensor<2> {
    let residual = epilogue.residual.take().map(on_gpu);
    let products = match residual {
        Some(_) => Products::Residual,
        None => Products::One,
    };
    let y = run(products, x, &[weight], residual.as_ref(), plan);
    epilogue.apply(y.squeeze_dim(0))
}

/// As [`of_few_rows`].
fn of_many_rows(
    x: CubeTensor,
    weight: &QuantizedMatrix,
    mut epilogue: Epilogue,
    plan: Plan,
) -> Tensor<2> {
    let (rows, [outputs, in_features]) = (x.meta.shape()[0], weight.shape);
    let shape = [rows, outputs];
    let mut added = vec![epilogue.bias.take().map(on_gpu)];
    let (kernel, [across, down]) = match plan {
        Plan::Software { quads } => {
            // Not the residual stream: read for each sum at the end it made a picture of SigLIP base/16 5 % slower than burn's
            // addition does.
            let tile = many_rows_tile(quads, is_large(rows, weight.shape));
            let kernel = Kernel::ManyRowsThreads(weight.format, tile);
            (kernel, workgroups_of_tiles(shape, tile))
        }
        Plan::Hardware(extras) => {
            added.push(epilogue.residual.take().map(on_gpu));
            let kernel = Kernel::ManyRowsTiles(weight.format, extras);
            let tiles = [outputs, rows].map(|size| size.div_ceil(WORKGROUP_TILE));
            (kernel, tiles)
        }
    };
    // One kernel whatever is added, since each takes its time to compile. A bit says what is there.
    let there = added.iter().enumerate();
    let there = there.map(|(i, added)| usize::from(added.is_some()) << i);
    let numbers = [rows, outputs, blocks(in_features), there.sum()];
    let added = added.into_iter();
    let added: Vec<CubeTensor> = added.map(|it| it.unwrap_or_else(|| nothing(&x))).collect();
    let [words, scales] = matrix(weight);
    let inputs: Vec<&CubeTensor> = [&x, &words, &scales].into_iter().chain(&added).collect();
    let y = launch(kernel, &inputs, shape, [across, down, 1], numbers);
    epilogue.apply(tensor(y))
}

/// A number that nobody reads, where a kernel has to be bound to something; on `x`'s device.
fn nothing(x: &CubeTensor) -> CubeTensor {
    let CubeTensor { client, device, .. } = x;
    let handle = client.empty(size_of::<f32>());
    CubeTensor::new_contiguous(
        client.clone(),
        device.clone(),
        [1].into(),
        handle,
        DType::F32,
    )
}

/// Of few rows with matrices of one form.
fn several(products: Products, x: &Tensor<2>, weights: &[&QuantizedMatrix]) -> Option<Tensor<3>> {
    let x = primitive(x)?;
    let plan = plan_of(&x.device);
    let form = |weight: &QuantizedMatrix| (weight.format, weight.shape);
    let alike = weights.iter().all(|w| form(w) == form(weights[0]));
    if !alike || x.meta.shape()[0] > few_rows(plan) {
        return None;
    }
    Some(run(products, into_contiguous(x), weights, None, plan))
}

/// `[1 or as many as there are matrices, rows, out_features]`
fn run(
    products: Products,
    x: CubeTensor,
    weights: &[&QuantizedMatrix],
    residual: Option<&CubeTensor>,
    plan: Plan,
) -> Tensor<3> {
    let (rows, [outputs, in_features]) = (x.meta.shape()[0], weights[0].shape);
    let results = match products {
        Products::Three => 3,
        _ => 1,
    };
    let workgroups = match plan {
        Plan::Software { .. } => [outputs.div_ceil(16 * FEW_ROWS_TILE.outputs), rows, 1],
        Plan::Hardware(_) => [outputs.div_ceil(4), rows.div_ceil(2), 1],
    };
    let matrices: Vec<CubeTensor> = weights.iter().flat_map(|weight| matrix(weight)).collect();
    let inputs = std::iter::once(&x).chain(&matrices).chain(residual);
    let inputs: Vec<&CubeTensor> = inputs.collect();
    let kernel = Kernel::FewRows {
        plan,
        format: weights[0].format,
        products,
    };
    let shape = [results, rows, outputs];
    let numbers = [rows, outputs, blocks(in_features), in_features];
    tensor(launch(kernel, &inputs, shape, workgroups, numbers))
}
