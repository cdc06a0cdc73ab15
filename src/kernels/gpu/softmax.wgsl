
// Softmax of scale · scores + bias: a workgroup for each row. A thread comes back to its own numbers alone.
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let width = info.width;
  let row = group.x + group.y * GRID;
  if (row >= info.rows) {
    return;
  }
  let start = row * width;
  let bias_start = bias_of(row);
  // Below every finite score.
  var largest = -3.4028234e38;
  for (var i = thread; i < width; i += THREADS) {
    let score = biased(info.scale * scores[start + i], bias_start + i);
    y[start + i] = score;
    largest = max(largest, score);
  }
  share(thread, largest);
  for (var i = 0u; i < THREADS; i++) {
    largest = max(largest, parts[i]);
  }
  var sum = 0.0;
  for (var i = thread; i < width; i += THREADS) {
    let exponential = exp(y[start + i] - largest);
    y[start + i] = exponential;
    sum += exponential;
  }
  sum = total(thread, sum);
  for (var i = thread; i < width; i += THREADS) {
    y[start + i] /= sum;
  }
}
