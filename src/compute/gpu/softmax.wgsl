
// Softmax of scale · scores + bias. A thread comes back to its own numbers alone.
fn run(group: vec3<u32>, thread: u32) {
  let width = info.width;
  let row = row_of(group, thread);
  if (row >= info.rows) {
    return;
  }
  let first = first_of(thread);
  let start = row * width;
  let bias_start = bias_of(row);
  // Below every finite score.
  var largest = -3.4028234e38;
  for (var i = first; i < width; i += STEP) {
    let score = biased(info.scale * scores[start + i], bias_start + i);
    y[start + i] = score;
    largest = max(largest, score);
  }
  largest = largest_of(thread, largest);
  var sum = 0.0;
  for (var i = first; i < width; i += STEP) {
    let exponential = exp(y[start + i] - largest);
    y[start + i] = exponential;
    sum += exponential;
  }
  sum = total(thread, sum);
  for (var i = first; i < width; i += STEP) {
    y[start + i] /= sum;
  }
}
