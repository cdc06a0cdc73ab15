//! Patch embedding and learned positions.

use super::SiglipVisionConfig;
use crate::nn::{Table, linear, matmul, random, zeros};
use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData};

/// The convolution whose kernel is its stride, so that it is a matrix product over patches.
#[derive(Module, Debug)]
struct PatchEmbedding {
    /// `[hidden, 3, patch, patch]`
    weight: Param<Tensor<4>>,
    /// `[hidden]`
    bias: Param<Tensor<1>>,
}

#[derive(Module, Debug)]
pub(super) struct VisionEmbeddings {
    patch_embedding: PatchEmbedding,
    position_embedding: Table,
}

impl VisionEmbeddings {
    pub(super) fn new(config: &SiglipVisionConfig, device: &Device) -> Self {
        let (hidden, patch, channels) =
            (config.hidden_size, config.patch_size, config.num_channels);
        let fan_in = (channels * patch * patch) as f64;
        Self {
            patch_embedding: PatchEmbedding {
                weight: random([hidden, channels, patch, patch], fan_in.powf(-0.5), device),
                bias: zeros([hidden], device),
            },
            position_embedding: Table::new(
                config.num_positions(),
                hidden,
                (hidden as f64).powf(-0.5),
                device,
            ),
        }
    }

    pub(super) fn patch_size(&self) -> usize {
        self.patch_embedding.weight.lazy_shape()[3]
    }

    pub(super) fn device(&self) -> Device {
        self.patch_embedding.bias.val().device()
    }

    /// `[batch, 3, height, width]` → `[batch, rows * columns, hidden]`, patches row by row.
    pub(super) fn forward(&self, pixel_values: Tensor<4>) -> Tensor<3> {
        let [batch, channels, height, width] = pixel_values.dims();
        let weight = self.patch_embedding.weight.val();
        let [hidden, _, patch, _] = weight.dims();
        let (rows, columns) = (height / patch, width / patch);
        // [batch, 3, rows, patch, columns, patch] → [batch, rows, columns, 3, patch, patch]
        let patches = pixel_values
            .slice([0..batch, 0..channels, 0..rows * patch, 0..columns * patch])
            .reshape([batch, channels, rows, patch, columns, patch])
            .permute([0, 2, 4, 1, 3, 5])
            .reshape([batch, rows * columns, channels * patch * patch]);
        let embeddings = linear(
            patches,
            weight.reshape([hidden, channels * patch * patch]),
            Some(self.patch_embedding.bias.val()),
        );
        embeddings + self.positions(rows, columns).unsqueeze()
    }

    /// The position table for a grid of `rows * columns` patches: `[rows * columns, hidden]`.
    ///
    /// Interpolation is linear in the table, so it is two small matrix products with weights made on the host;
    /// that keeps it exact, differentiable and the same on every device.
    fn positions(&self, rows: usize, columns: usize) -> Tensor<2> {
        let table = self.position_embedding.value();
        let [entries, hidden] = table.dims();
        let grid = entries.isqrt();
        if rows == grid && columns == grid {
            return table;
        }
        let device = table.device();
        let vertical = interpolation_matrix(grid, rows, &device);
        let horizontal = interpolation_matrix(grid, columns, &device);
        // [rows, grid] · [grid, grid * hidden]
        let table = matmul(
            vertical.unsqueeze(),
            table.reshape([1, grid, grid * hidden]),
        );
        // [columns, grid] · [rows, grid, hidden]
        let horizontal = horizontal.unsqueeze::<3>().expand([rows, columns, grid]);
        let table = matmul(horizontal, table.reshape([rows, grid, hidden]));
        table.reshape([rows * columns, hidden])
    }
}

/// Weights `[to, from]` of torch's bicubic interpolation: `a = -0.75`, half-pixel centres, no antialiasing,
/// border pixels repeated.
fn interpolation_matrix(from: usize, to: usize, device: &Device) -> Tensor<2> {
    const A: f64 = -0.75;
    let near = |t: f64| ((A + 2.0) * t - (A + 3.0)) * t * t + 1.0; // |t| ≤ 1
    let far = |t: f64| ((A * t - 5.0 * A) * t + 8.0 * A) * t - 4.0 * A; // 1 < |t| < 2
    let mut weights = vec![0f32; to * from];
    for (y, row) in weights.chunks_exact_mut(from).enumerate() {
        let centre = (y as f64 + 0.5) * from as f64 / to as f64 - 0.5;
        let base = centre.floor();
        let t = centre - base;
        for (offset, weight) in [far(t + 1.0), near(t), near(1.0 - t), far(2.0 - t)]
            .into_iter()
            .enumerate()
        {
            let index = (base as i64 + offset as i64 - 1).clamp(0, from as i64 - 1);
            row[index as usize] += weight as f32;
        }
    }
    Tensor::from_data(TensorData::new(weights, [to, from]), device)
}
