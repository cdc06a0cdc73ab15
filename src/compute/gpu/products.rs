//! Products with quantized matrices, and what is made of them on the way out: a token of the decoder is hundreds of small
//! products, and on a graphics card each dispatch costs more than its arithmetic.

use super::launch::{Kernel, launch};
use super::{
    FEW_ROWS_TILE, activation, contiguous, few, large, many_rows_tile, on_gpu, scales, signed,
    workgroups_of_tiles,
};
use crate::compute::{Added, Extras, Plan, Quantized};
use crate::nn::Activation;
use crate::quant::blocks;
use burn::backend::Wgpu;
use burn::backend::wgpu::{CubeTensor, into_contiguous};
use burn::tensor::{DType, Int, Tensor};

/// What is made of the products of few rows with one matrix or several of one form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Products {
    /// `x Wᵀ`
    One,
    /// `x Wᵀ + onto`
    Onto,
    /// `x W₀ᵀ`, `x W₁ᵀ`, `x W₂ᵀ`. With the input and the output they are eight buffers, as many as WebGPU grants.
    Three,
    /// `activation(x W₀ᵀ) · x W₁ᵀ`
    Gated(Activation),
}

impl Products {
    fn matrices(self) -> usize {
        match self {
            Products::One | Products::Onto => 1,
            Products::Gated(_) => 2,
            Products::Three => 3,
        }
    }

    /// The bindings, the product with each matrix, whose source is written for number `#`, and what becomes of the sums.
    pub(super) fn text(self, product: &str, extras: Extras) -> String {
        const STORAGE: &str = "var<storage, read_write>";
        let matrices = self.matrices();
        let mut declarations = vec![];
        for m in 0..matrices {
            declarations.push(format!("{STORAGE} words{m}: array<u32>;"));
            declarations.push(format!("{STORAGE} scales{m}: Scales;"));
        }
        if self == Products::Onto {
            declarations.push(format!("{STORAGE} onto: array<f32>;"));
        }
        declarations.push(format!("{STORAGE} y: array<f32>;"));
        // Rows of the result, rows of a matrix, blocks in a row of it, in_features.
        declarations.push("var<uniform> info: vec4<u32>;".to_string());
        // Binding 0 is the input.
        let bindings = declarations.iter().enumerate();
        let mut text: String = bindings
            .map(|(i, declaration)| format!("@group(0) @binding({}) {declaration}\n", i + 1))
            .collect();
        let (type_of_scales, scale) = scales(extras);
        text += type_of_scales;
        for m in 0..matrices {
            text += &[scale, product].concat().replace('#', &m.to_string());
        }
        let calls: Vec<String> = (0..matrices)
            .map(|m| format!("product{m}(place)"))
            .collect();
        let calls = calls.join(", ");
        let finish = match self {
            Products::One => "y[at] = sum0;",
            Products::Onto => "y[at] = sum0 + onto[at];",
            Products::Gated(_) => "y[at] = activation(sum0) * sum1;",
            Products::Three => {
                "let size = info.x * info.y; y[at] = sum0; y[at + size] = sum1; y[at + 2u * size] = sum2;"
            }
        };
        let sums: String = (0..matrices)
            .map(|m| format!("let sum{m} = sum_of(sums[{m}], i); "))
            .collect();
        text += &format!(
            "
fn products(place: Place) -> array<Sums, {matrices}> {{ return array<Sums, {matrices}>({calls}); }}
fn finish(at: u32, sums: array<Sums, {matrices}>, i: u32) {{ {sums}{finish} }}
"
        );
        if let Products::Gated(of) = self {
            text += &activation(of);
        }
        text
    }
}

/// `x Wᵀ` and what is added; `x: [rows, blocks · BLOCK]` → `[rows, out_features]`. `None` where the tensor is not on the GPU, here
/// and below.
pub(in crate::compute) fn matmul(
    x: &Tensor<2>,
    weight: &Quantized,
    added: &Added,
    plan: Plan,
) -> Option<Tensor<2>> {
    let x = contiguous(x)?;
    let rows = x.meta.shape()[0];
    let outputs = weight.shape[0];
    let shape = [rows, outputs];
    // What a kernel adds is taken out of it; burn adds the rest.
    let mut added = added.clone();
    if rows <= few(plan) {
        let onto = if_there(added.onto.take())?;
        let products = match onto {
            Some(_) => Products::Onto,
            None => Products::One,
        };
        let y = few_rows(products, x, &[weight], onto.as_ref(), plan);
        return Some(added.to(y.reshape(shape)));
    }
    let mut taken = vec![if_there(added.bias.take())?];
    let (kernel, count) = match plan {
        Plan::Software { quads } => {
            // Not `onto`: read for each sum at the end it made a picture of SigLIP base/16 5 % slower than burn's addition does.
            let tile = many_rows_tile(quads, large(rows, weight.shape));
            let [across, down] = workgroups_of_tiles(shape, tile);
            let kernel = Kernel::ManyRowsThreads(weight.format, tile);
            (kernel, [across, down, 1])
        }
        Plan::Hardware(extras) => {
            taken.push(if_there(added.onto.take())?);
            let kernel = Kernel::ManyRowsTiles(weight.format, extras);
            let [across, down] = [outputs, rows].map(|size| size.div_ceil(64) as u32);
            (kernel, [across, down, 1])
        }
    };
    // One kernel whatever is added, since each takes its time to compile. A bit says what is there.
    let there = taken.iter().enumerate();
    let there = there.map(|(i, added)| usize::from(added.is_some()) << i);
    let numbers = [rows, outputs, blocks(weight.shape[1]), there.sum()];
    let taken = taken.into_iter();
    let taken: Vec<CubeTensor> = taken.map(|it| it.unwrap_or_else(|| nothing(&x))).collect();
    let (words, scales) = (on_gpu(&weight.words), on_gpu(&weight.scales));
    let inputs: Vec<&CubeTensor> = [&x, &words, &scales].into_iter().chain(&taken).collect();
    let y = launch(kernel, &inputs, shape, count, numbers);
    Some(added.to(Tensor::from_primitive::<Wgpu>(y)))
}

/// On the GPU what there is: `None` where it is elsewhere.
fn if_there<const D: usize>(tensor: Option<Tensor<D>>) -> Option<Option<CubeTensor>> {
    match tensor {
        Some(tensor) => contiguous(&tensor).map(Some),
        None => Some(None),
    }
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

/// `x W₀ᵀ`, `x W₁ᵀ` and `x W₂ᵀ`: `[rows, in_features]` → `[3, rows, out_features]`; `None` also for many rows and for matrices
/// of different forms.
pub(in crate::compute) fn matmul_three(
    x: &Tensor<2>,
    weights: [&Quantized; 3],
    plan: Plan,
) -> Option<Tensor<3>> {
    of_few(Products::Three, x, &weights, plan)
}

/// `activation(x W₀ᵀ) · x W₁ᵀ`; `None` as [`matmul_three`], and for an activation that WGSL has not.
pub(in crate::compute) fn matmul_gated(
    x: &Tensor<2>,
    weights: [&Quantized; 2],
    of: Activation,
    plan: Plan,
) -> Option<Tensor<2>> {
    if of == Activation::Gelu {
        return None;
    }
    let y = of_few(Products::Gated(of), x, &weights, plan)?;
    let [_, rows, outputs] = y.dims();
    Some(y.reshape([rows, outputs]))
}

fn of_few(
    products: Products,
    x: &Tensor<2>,
    weights: &[&Quantized],
    plan: Plan,
) -> Option<Tensor<3>> {
    let form = |weight: &Quantized| (weight.format, weight.shape);
    let alike = weights.iter().all(|w| form(w) == form(weights[0]));
    if !alike || x.dims()[0] > few(plan) {
        return None;
    }
    let x = contiguous(x)?;
    Some(few_rows(products, x, weights, None, plan))
}

/// `[1 or as many as there are matrices, rows, out_features]`
fn few_rows(
    products: Products,
    x: CubeTensor,
    weights: &[&Quantized],
    onto: Option<&CubeTensor>,
    plan: Plan,
) -> Tensor<3> {
    let rows = x.meta.shape()[0];
    let outputs = weights[0].shape[0];
    let results = match products {
        Products::Three => 3,
        _ => 1,
    };
    let count = match plan {
        Plan::Software { .. } => [
            outputs.div_ceil(16 * FEW_ROWS_TILE.outputs) as u32,
            rows as u32,
            1,
        ],
        Plan::Hardware(_) => [outputs.div_ceil(4) as u32, rows.div_ceil(2) as u32, 1],
    };
    let matrices = weights
        .iter()
        .flat_map(|weight| [on_gpu(&weight.words), on_gpu(&weight.scales)]);
    let matrices: Vec<CubeTensor> = matrices.collect();
    let inputs: Vec<&CubeTensor> = std::iter::once(&x).chain(&matrices).chain(onto).collect();
    let kernel = Kernel::FewRows {
        plan,
        format: weights[0].format,
        products,
    };
    let shape = [results, rows, outputs];
    let y = launch(kernel, &inputs, shape, count, numbers(rows, weights[0]));
    Tensor::from_primitive::<Wgpu>(y)
}

/// The rows of these ids; `ids: [n]` → `[n, in_features]`.
pub(in crate::compute) fn rows(ids: &Tensor<1, Int>, weight: &Quantized) -> Option<Tensor<2>> {
    let ids = signed(ids.clone()).try_into_primitive::<Wgpu>().ok()?;
    let (ids, [_, in_features]) = (into_contiguous(ids), weight.shape);
    let shape = [ids.meta.shape()[0], in_features];
    let quarters = blocks(in_features) * 4;
    let count = [quarters.div_ceil(64) as u32, shape[0] as u32, 1];
    let (words, scales) = (on_gpu(&weight.words), on_gpu(&weight.scales));
    let (kernel, inputs) = (Kernel::Rows(weight.format), [&ids, &words, &scales]);
    let y = launch(kernel, &inputs, shape, count, numbers(shape[0], weight));
    Some(Tensor::from_primitive::<Wgpu>(y))
}

fn numbers(rows: usize, weight: &Quantized) -> [usize; 4] {
    let [outputs, in_features] = weight.shape;
    [rows, outputs, blocks(in_features), in_features]
}
