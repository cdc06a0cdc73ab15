
// Rows over the square root of their mean square, times the weight.
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> weight: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
// rows, width, bits of eps
@group(0) @binding(3) var<uniform> info: vec4<u32>;

fn run(group: vec3<u32>, thread: u32) {
  let width = info.y;
  let row = row_of(group, thread);
  if (row >= info.x) {
    return;
  }
  let first = first_of(thread);
  let start = row * width;
  var squares = 0.0;
  for (var i = first; i < width; i += STEP) {
    squares += x[start + i] * x[start + i];
  }
  let factor = 1.0 / sqrt(total(thread, squares) / f32(width) + bitcast<f32>(info.z));
  for (var i = first; i < width; i += STEP) {
    y[start + i] = x[start + i] * factor * weight[i];
  }
}
