
// x Wᵀ, a thread for each four outputs of a row: no barriers, the row's activations are read once for four outputs.
@group(0) @binding(0) var<storage, read_write> x: array<vec4<f32>>;

alias Sums = vec4<f32>;
struct Place {
  row: u32,
  // Blocks at which the outputs' rows of the matrix begin.
  start: vec4<u32>,
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let output = id.x * 4u;
  let outputs = info.y;
  if (output >= outputs) {
    return;
  }
  // The last thread's surplus outputs repeat the last real one and are not written.
  let last = outputs - 1u;
  let start = vec4<u32>(output, min(output + 1u, last), min(output + 2u, last), min(output + 3u, last)) * info.z;
  let sums = products(Place(id.y, start));
  let out = id.y * outputs + output;
  finish(out, sums, 0u);
  if (output + 1u < outputs) { finish(out + 1u, sums, 1u); }
  if (output + 2u < outputs) { finish(out + 2u, sums, 2u); }
  if (output + 3u < outputs) { finish(out + 3u, sums, 3u); }
}

fn sum_of(sums: Sums, i: u32) -> f32 {
  return sums[i];
}
