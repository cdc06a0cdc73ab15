// x Wᵀ, a thread for each OUTPUTS outputs of a row: no barriers, the row's activations are read once for all of them.
@group(0) @binding(0) var<storage, read_write> x: array<vec4<f32>>;

// A thread's outputs are so far apart: neighbouring threads have neighbouring outputs.
const APART: u32 = 16u;

alias Sums = array<f32, OUTPUTS>;
struct Place {
  row: u32,
  output: u32,
}

@compute @workgroup_size(16)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
  let place = place_of(group, info.x);
  let output = place.x * APART * OUTPUTS + local.x;
  let outputs = info.y;
  if (output >= outputs) {
    return;
  }
  let sums = products(Place(place.y, output));
  for (var j = 0u; j < OUTPUTS && output + APART * j < outputs; j++) {
    finish(place.y * outputs + output + APART * j, sums, j);
  }
}

fn sum_of(sums: Sums, i: u32) -> f32 {
  return sums[i];
}
