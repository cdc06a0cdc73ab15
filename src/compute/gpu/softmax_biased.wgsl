
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

fn biased(score: f32, at: u32) -> f32 {
  return score + bias[at];
}
