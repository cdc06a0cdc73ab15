
@group(0) @binding(1) var<storage, read_write> words: array<u32>;
@group(0) @binding(2) var<storage, read_write> scales: Scales;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
// rows of the result, rows of the matrix, blocks in a row of it, in_features
@group(0) @binding(4) var<uniform> info: vec4<u32>;
