
@group(0) @binding(1) var<storage, read_write> words: array<u32>;
@group(0) @binding(2) var<storage, read_write> scales: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
// rows of the result, rows of the matrix, blocks in a row of it, in_features
@group(0) @binding(4) var<uniform> info: vec4<u32>;

fn scale(index: u32) -> f32 {
  let pair = unpack2x16float(scales[index >> 1u]);
  return select(pair.x, pair.y, (index & 1u) == 1u);
}
