// Softmax of scale · scores + bias. A thread comes back to its own numbers alone.
struct Info {
  rows: u32,
  width: u32,
  heads: u32,
  queries: u32,
  // How far apart the bias' rows are; 0 where one serves all.
  bias_entry: u32,
  bias_head: u32,
  bias_query: u32,
  scale: f32,
}
@group(0) @binding(0) var<storage, read_write> scores: array<f32>;
#if biased
@group(0) @binding(1) var<storage, read_write> bias: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> info: Info;

// Where the bias of a row begins.
fn bias_of(row: u32) -> u32 {
  let query = row % info.queries;
  let head = row / info.queries % info.heads;
  let entry = row / (info.queries * info.heads);
  return entry * info.bias_entry + head * info.bias_head + query * info.bias_query;
}
#else
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> info: Info;
#end

fn run(group: vec3<u32>, thread: u32) {
  let width = info.width;
  let row = row_of(group, thread);
  if (row >= info.rows) {
    return;
  }
  let first = first_of(thread);
  let start = row * width;
#if biased
  let bias_start = bias_of(row);
#end
  // Below every finite score.
  var largest = -3.4028234e38;
  for (var i = first; i < width; i += STEP) {
    var score = info.scale * scores[start + i];
#if biased
    score += bias[bias_start + i];
#end
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
