
// A workgroup for each four outputs of a row: its threads go along the inner dimension side by side, so that the matrix
// streams through once at the memory's full width.
const THREADS: u32 = 64u;
var<workgroup> sums: array<vec4<f32>, THREADS>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let place = place_of(group, info.x);
  let output = place.x * 4u;
  if (output >= info.y) {
    return;
  }
  let last = info.y - 1u;
  // Surplus outputs repeat the last real one and are not written.
  let outputs = vec4<u32>(output, min(output + 1u, last), min(output + 2u, last), min(output + 3u, last));
  let row = place.z * info.x + place.y;
  let from_a = row * info.z;
  let from_b = place.z * info.w;
  var sum = vec4<f32>(0.0);
  for (var i = thread; i < info.z; i += THREADS) {
    let weights = vec4<f32>(
      b[from_b + of_b(outputs.x, i)],
      b[from_b + of_b(outputs.y, i)],
      b[from_b + of_b(outputs.z, i)],
      b[from_b + of_b(outputs.w, i)],
    );
    sum += a[from_a + i] * weights;
  }
  sums[thread] = sum;
  workgroupBarrier();
  for (var half = THREADS / 2u; half > 0u; half >>= 1u) {
    if (thread < half) {
      sums[thread] += sums[thread + half];
    }
    workgroupBarrier();
  }
  if (thread < 4u && output + thread < info.y) {
    y[row * info.y + output + thread] = sums[0][thread];
  }
}
