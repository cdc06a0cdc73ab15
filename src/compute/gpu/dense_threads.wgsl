// A thread for each ROWS rows and OUTPUTS outputs, no barriers: see many_rows_threads.wgsl.
fn run(group: vec3<u32>, thread: u32, lane: u32) {
  let tile = place_of(group, (info.x + ROWS - 1u) / ROWS);
  let inner = info.z;
  let output = tile.x * THREADS * OUTPUTS + thread;
  let row = tile.y * ROWS;
  let from_a = tile.z * info.x;
  let from_b = tile.z * info.w;
  // Surplus outputs and rows repeat the last real one and are not written.
  let output_$j = min(output + THREADS * $j, info.y - 1u);
  let above_$o = (from_a + min(row + ($o ^ lane), info.x - 1u)) * inner;
  var sums = array<f32, ROWS * OUTPUTS>();
  for (var k = 0u; k < inner; k += 4u) {
    // The last four end with the rows: what is beyond counts nothing, and the last real ones are read for it.
    let steps = vec4<u32>(k, k + 1u, k + 2u, k + 3u);
    let real = steps < vec4<u32>(inner);
    let at = min(steps, vec4<u32>(inner - 1u));
    let a_$o = select(vec4<f32>(), vec4<f32>(a[above_$o + at.x], a[above_$o + at.y], a[above_$o + at.z], a[above_$o + at.w]), real);
    let a_$t = quadSwap$n(a_$f);
    let b_$j = vec4<f32>(b[from_b + of_b(output_$j, at.x)], b[from_b + of_b(output_$j, at.y)], b[from_b + of_b(output_$j, at.z)], b[from_b + of_b(output_$j, at.w)]);
    sums[$j * ROWS + $i] = add_dot(sums[$j * ROWS + $i], a_$i, b_$j);
  }
  for (var i = 0u; i < ROWS; i++) {
    let at = row + (i ^ lane);
    for (var j = 0u; j < OUTPUTS; j++) {
      let out = output + THREADS * j;
      if (at < info.x && out < info.y) {
        y[(from_a + at) * info.y + out] = sums[j * ROWS + i];
      }
    }
  }
}
