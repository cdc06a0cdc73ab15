
// x Wᵀ, a workgroup for each four outputs of two rows: neighbouring threads read neighbouring words, so that the matrix
// streams through once at the memory's full width.
@group(0) @binding(0) var<storage, read_write> x: array<vec4<f32>>;

alias Sums = mat2x4<f32>;
struct Place {
  thread: u32,
  // Blocks at which two rows of x and the outputs' rows of the matrix begin.
  rows: vec2<u32>,
  start: vec4<u32>,
}

fn run(group: vec3<u32>, thread: u32) {
  let outputs = info.y;
  let place = place_of(group, (info.x + 1u) / 2u);
  let output = place.x * 4u;
  let row = place.y * 2u;
  if (output >= outputs) {
    return;
  }
  // Surplus outputs and rows repeat the last real one and are not written.
  let last = outputs - 1u;
  let start = vec4<u32>(output, min(output + 1u, last), min(output + 2u, last), min(output + 3u, last)) * info.z;
  let rows = vec2<u32>(row, min(row + 1u, info.x - 1u)) * info.z;
  let sums = products(Place(thread, rows, start));
  let out = output + (thread & 3u);
  let out_row = row + (thread >> 2u);
  if (thread < 8u && out < outputs && out_row < info.x) {
    finish(out_row * outputs + out, sums, thread);
  }
}

fn sum_of(sums: Sums, i: u32) -> f32 {
  return sums[i >> 2u][i & 3u];
}
