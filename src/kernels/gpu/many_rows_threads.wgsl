// x Wᵀ, a thread for each ROWS rows and OUTPUTS outputs, no barriers. A software adapter reads a number for each of its
// four lanes by itself, at the price of some ten multiplications: so many sums make up for it.
@group(0) @binding(0) var<storage, read_write> x: array<vec4<f32>>;

// A thread's outputs are so far apart: neighbouring threads have neighbouring outputs.
const APART: u32 = 4u;

@compute @workgroup_size(4, 4)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
  let blocks = info.z;
  let output = group.x * APART * OUTPUTS + local.x;
  let row = (group.y * 4u + local.y) * ROWS;
  if (output >= info.y || row >= info.x) {
    return;
  }
  // Surplus outputs and rows repeat the last real one and are not written.
  let start_$j = min(output + APART * $j, info.y - 1u) * blocks;
  let above_$i = min(row + $i, info.x - 1u) * blocks;
  var sums = array<f32, ROWS * OUTPUTS>();
  for (var block = 0u; block < blocks; block++) {
    let factor_$j = scale(start_$j + block);
    for (var q = 0u; q < 4u; q++) {
      let low_$i = x[(above_$i + block) * 8u + q];
      let high_$i = x[(above_$i + block) * 8u + q + 4u];
      let weights_$j = factor_$j * quarter(start_$j + block, q);
      sums[$j * ROWS + $i] += dot(weights_$j[0], low_$i) + dot(weights_$j[1], high_$i);
    }
  }
  // A copy, so that the sums themselves are never indexed by a variable: Mesa compiles that in a third of the time.
  let all = sums;
  for (var i = 0u; i < ROWS; i++) {
    for (var j = 0u; j < OUTPUTS; j++) {
      let out = output + APART * j;
      if (row + i < info.x && out < info.y) {
        y[(row + i) * info.y + out] = all[j * ROWS + i];
      }
    }
  }
}
