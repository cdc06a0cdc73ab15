// x Wᵀ, a thread for each ROWS rows and OUTPUTS outputs, no barriers. A software adapter reads a number for each of its
// four lanes by itself, at the price of some ten multiplications: so many sums make up for it.
@group(0) @binding(0) var<storage, read_write> x: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
// rows of the result, rows of the matrix, blocks in a row of it, whether there is a bias
@group(0) @binding(5) var<uniform> info: vec4<u32>;

// Where there is none, something else is bound that nobody reads.
fn bias_of(output: u32) -> f32 {
  if (info.w != 0u) {
    return bias[min(output, info.y - 1u)];
  }
  return 0.0;
}

fn run(group: vec3<u32>, thread: u32, lane: u32) {
  let tile = place_of(group, (info.x + ROWS - 1u) / ROWS);
  let blocks = info.z;
  let output = tile.x * THREADS * OUTPUTS + thread;
  let row = tile.y * ROWS;
  // Surplus outputs and rows repeat the last real one and are not written.
  let start_$j = min(output + THREADS * $j, info.y - 1u) * blocks;
  let above_$o = min(row + ($o ^ lane), info.x - 1u) * blocks;
  var sums = array<f32, ROWS * OUTPUTS>();
  let bias_$j = bias_of(output + THREADS * $j);
  sums[$j * ROWS + $i] = bias_$j;
  for (var block = 0u; block < blocks; block++) {
    let factor_$j = scale(start_$j + block);
    for (var q = 0u; q < 4u; q++) {
      let low_$o = x[(above_$o + block) * 8u + q];
      let high_$o = x[(above_$o + block) * 8u + q + 4u];
      let low_$t = quadSwap$n(low_$f);
      let high_$t = quadSwap$n(high_$f);
      let weights_$j = factor_$j * quarter(start_$j + block, q);
      sums[$j * ROWS + $i] = add_dot(add_dot(sums[$j * ROWS + $i], low_$i, weights_$j[0]), high_$i, weights_$j[1]);
    }
  }
  // A copy, so that the sums themselves are never indexed by a variable: Mesa compiles that in a third of the time.
  let all = sums;
  for (var i = 0u; i < ROWS; i++) {
    let at = row + (i ^ lane);
    for (var j = 0u; j < OUTPUTS; j++) {
      let out = output + THREADS * j;
      if (at < info.x && out < info.y) {
        y[at * info.y + out] = all[j * ROWS + i];
      }
    }
  }
}
