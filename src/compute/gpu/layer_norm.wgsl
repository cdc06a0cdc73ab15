
// Rows less their mean over their standard deviation, times the weight, plus the bias.
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> weight: array<f32>;
@group(0) @binding(2) var<storage, read_write> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
// rows, width, bits of eps
@group(0) @binding(4) var<uniform> info: vec4<u32>;

fn run(group: vec3<u32>, thread: u32) {
  let width = info.y;
  let row = row_of(group, thread);
  if (row >= info.x) {
    return;
  }
  let first = first_of(thread);
  let start = row * width;
  var sum = 0.0;
  for (var i = first; i < width; i += STEP) {
    sum += x[start + i];
  }
  let mean = total(thread, sum) / f32(width);
  // The squares of the differences, not the difference of squares: that would be noise where the mean is large.
  var squares = 0.0;
  for (var i = first; i < width; i += STEP) {
    let centred = x[start + i] - mean;
    squares += centred * centred;
  }
  let factor = 1.0 / sqrt(total(thread, squares) / f32(width) + bitcast<f32>(info.z));
  for (var i = first; i < width; i += STEP) {
    y[start + i] = (x[start + i] - mean) * factor * weight[i] + bias[i];
  }
}
