
// x Wᵀ, a thread for each square of four rows and four outputs: all sums in registers, no barriers.
@group(0) @binding(0) var<storage, read_write> x: array<vec4<f32>>;

fn store(row: u32, output: u32, sum: vec4<f32>) {
  if (row >= info.x) {
    return;
  }
  let out = row * info.y + output;
  y[out] = sum.x;
  if (output + 1u < info.y) { y[out + 1u] = sum.y; }
  if (output + 2u < info.y) { y[out + 2u] = sum.z; }
  if (output + 3u < info.y) { y[out + 3u] = sum.w; }
}

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let output = id.x * 4u;
  let row = id.y * 4u;
  let outputs = info.y;
  let blocks = info.z;
  if (output >= outputs || row >= info.x) {
    return;
  }
  // Surplus outputs and rows repeat the last real one and are not written.
  let last = outputs - 1u;
  let start = vec4<u32>(output, min(output + 1u, last), min(output + 2u, last), min(output + 3u, last)) * blocks;
  let last_row = info.x - 1u;
  let above = vec4<u32>(row, min(row + 1u, last_row), min(row + 2u, last_row), min(row + 3u, last_row)) * (blocks * 8u);
  var sum0 = vec4<f32>(0.0);
  var sum1 = vec4<f32>(0.0);
  var sum2 = vec4<f32>(0.0);
  var sum3 = vec4<f32>(0.0);
  for (var block = 0u; block < blocks; block++) {
    let at = start + vec4<u32>(block);
    let factors = vec4<f32>(scale(at.x), scale(at.y), scale(at.z), scale(at.w));
    var part0 = vec4<f32>(0.0);
    var part1 = vec4<f32>(0.0);
    var part2 = vec4<f32>(0.0);
    var part3 = vec4<f32>(0.0);
    for (var q = 0u; q < 4u; q++) {
      let word = at * WORDS_PER_BLOCK + vec4<u32>(q);
      let a = mat4x4<f32>(first(words[word.x]), first(words[word.y]), first(words[word.z]), first(words[word.w]));
      let b = mat4x4<f32>(second(words[word.x + SECOND]), second(words[word.y + SECOND]), second(words[word.z + SECOND]), second(words[word.w + SECOND]));
      let i = above + vec4<u32>(block * 8u + q);
      // A row vector times a matrix: the dot products with its columns.
      part0 += x[i.x] * a + x[i.x + 4u] * b;
      part1 += x[i.y] * a + x[i.y + 4u] * b;
      part2 += x[i.z] * a + x[i.z + 4u] * b;
      part3 += x[i.w] * a + x[i.w + 4u] * b;
    }
    sum0 += part0 * factors;
    sum1 += part1 * factors;
    sum2 += part2 * factors;
    sum3 += part3 * factors;
  }
  store(row, output, sum0);
  store(row + 1u, output, sum1);
  store(row + 2u, output, sum2);
  store(row + 3u, output, sum3);
}
