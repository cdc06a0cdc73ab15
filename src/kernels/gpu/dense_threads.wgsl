// A thread for each ROWS rows and OUTPUTS outputs, no barriers: see many_rows_threads.wgsl.

// A thread's outputs are so far apart: neighbouring threads have neighbouring outputs.
const APART: u32 = 4u;

@compute @workgroup_size(4, 4)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
  let inner = info.z;
  let output = group.x * APART * OUTPUTS + local.x;
  let row = (group.y * 4u + local.y) * ROWS;
  if (output >= info.y || row >= info.x) {
    return;
  }
  let from_a = group.z * info.x;
  let from_b = group.z * info.w;
  // Surplus outputs and rows repeat the last real one and are not written.
  let output_$j = min(output + APART * $j, info.y - 1u);
  let above_$i = (from_a + min(row + $i, info.x - 1u)) * inner;
  var sums = array<f32, ROWS * OUTPUTS>();
  for (var k = 0u; k < inner; k += 4u) {
    // The last four end with the rows: what is beyond counts nothing, and the last real ones are read for it.
    let steps = vec4<u32>(k, k + 1u, k + 2u, k + 3u);
    let real = steps < vec4<u32>(inner);
    let at = min(steps, vec4<u32>(inner - 1u));
    let a_$i = select(vec4<f32>(), vec4<f32>(a[above_$i + at.x], a[above_$i + at.y], a[above_$i + at.z], a[above_$i + at.w]), real);
    let b_$j = vec4<f32>(b[from_b + of_b(output_$j, at.x)], b[from_b + of_b(output_$j, at.y)], b[from_b + of_b(output_$j, at.z)], b[from_b + of_b(output_$j, at.w)]);
    sums[$j * ROWS + $i] += dot(a_$i, b_$j);
  }
  for (var i = 0u; i < ROWS; i++) {
    for (var j = 0u; j < OUTPUTS; j++) {
      let out = output + APART * j;
      if (row + i < info.x && out < info.y) {
        y[(from_a + row + i) * info.y + out] = sums[j * ROWS + i];
      }
    }
  }
}
