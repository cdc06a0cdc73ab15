
// A workgroup for each tile of 64 rows and 64 outputs, sixteen of the inner dimension at a time through shared memory:
// every value is read from memory once for the tile. Each thread holds the sums of 4 × 4.
const TILE: u32 = 64u;
const STEP: u32 = 16u;
// One more than a tile: neighbouring threads, which write values of one row, hit different banks.
const ROW: u32 = 65u;
var<workgroup> left: array<f32, 1040>;
var<workgroup> right: array<f32, 1040>;

@compute @workgroup_size(16, 16)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let inner = info.z;
  let place = place_of(group, (info.x + TILE - 1u) / TILE);
  let from_a = place.z * info.x * inner;
  let from_b = place.z * info.w;
  var sum0 = vec4<f32>(0.0);
  var sum1 = vec4<f32>(0.0);
  var sum2 = vec4<f32>(0.0);
  var sum3 = vec4<f32>(0.0);
  for (var start = 0u; start < inner; start += STEP) {
    for (var part = 0u; part < 4u; part++) {
      let e = thread + 256u * part;
      // Sixteen neighbours along the inner dimension, or, where the outputs lie side by side, 64 along them.
      let near = e & 15u;
      let far = e >> 4u;
      let row = place.y * TILE + far;
      var value = 0.0;
      if (row < info.x && start + near < inner) {
        value = a[from_a + row * inner + start + near];
      }
      left[near * ROW + far] = value;
      let i = select(e >> 6u, near, TRANSPOSED);
      let o = select(e & 63u, far, TRANSPOSED);
      let output = place.x * TILE + o;
      value = 0.0;
      if (output < info.y && start + i < inner) {
        value = b[from_b + of_b(output, start + i)];
      }
      right[i * ROW + o] = value;
    }
    workgroupBarrier();
    for (var i = 0u; i < STEP; i++) {
      let r = i * ROW + local.y;
      let o = i * ROW + local.x;
      let weights = vec4<f32>(right[o], right[o + 16u], right[o + 32u], right[o + 48u]);
      sum0 += left[r] * weights;
      sum1 += left[r + 16u] * weights;
      sum2 += left[r + 32u] * weights;
      sum3 += left[r + 48u] * weights;
    }
    workgroupBarrier();
  }
  let row = place.y * TILE + local.y;
  let output = place.x * TILE + local.x;
  store(place.z, row, output, sum0);
  store(place.z, row + 16u, output, sum1);
  store(place.z, row + 32u, output, sum2);
  store(place.z, row + 48u, output, sum3);
}

fn store(batch: u32, row: u32, output: u32, sum: vec4<f32>) {
  if (row >= info.x) {
    return;
  }
  // A thread's outputs are 16 apart.
  for (var j = 0u; j < 4u; j++) {
    if (output + 16u * j < info.y) {
      y[(batch * info.x + row) * info.y + output + 16u * j] = sum[j];
    }
  }
}
