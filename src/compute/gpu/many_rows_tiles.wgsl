
// x Wᵀ, a workgroup for each tile of 64 rows and 64 outputs, block by block through shared memory: every value is read
// from memory once for the tile. Each thread holds the sums of 4 × 4.
@group(0) @binding(0) var<storage, read_write> x: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> residual: array<f32>;
@group(0) @binding(5) var<storage, read_write> y: array<f32>;
// rows of the result, rows of the matrix, blocks in a row of it, whether there is a bias (1) and a residual stream (2): where
// there is none, something else is bound that nobody reads
@group(0) @binding(6) var<uniform> info: vec4<u32>;

const TILE: u32 = 64u;
// [quarter of four elements, row or output]: neighbouring threads read neighbouring entries. 16 KiB, the default limit.
var<workgroup> activations: array<vec4<f32>, 512>;
var<workgroup> weights: array<vec4<f32>, 512>;

fn store(row: u32, output: u32, product: vec4<f32>) {
  if (row >= info.x) {
    return;
  }
  // A thread's outputs are 16 apart.
  for (var j = 0u; j < 4u; j++) {
    let out = output + 16u * j;
    if (out < info.y) {
      let at = row * info.y + out;
      var sum = product[j];
      if ((info.w & 1u) != 0u) {
        sum += bias[out];
      }
      if ((info.w & 2u) != 0u) {
        sum += residual[at];
      }
      y[at] = sum;
    }
  }
}

@compute @workgroup_size(16, 16)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let blocks = info.z;
  let place = place_of(group, (info.x + TILE - 1u) / TILE);
  // What this thread fetches: quarters of one row, and one quarter of both halves of one output's block. Surplus rows and
  // outputs repeat the last real one and are not written.
  let lane = thread & 63u;
  let q = thread >> 6u;
  let row = min(place.y * TILE + lane, info.x - 1u) * blocks;
  let output = min(place.x * TILE + lane, info.y - 1u) * blocks;
  var sum0 = vec4<f32>(0.0);
  var sum1 = vec4<f32>(0.0);
  var sum2 = vec4<f32>(0.0);
  var sum3 = vec4<f32>(0.0);
  var low = x[row * 8u + q];
  var high = x[row * 8u + q + 4u];
  var word = words[output * WORDS_PER_BLOCK + q];
  var other = words[output * WORDS_PER_BLOCK + q + SECOND];
  var factor = scale(output);
  for (var block = 0u; block < blocks; block++) {
    activations[q * TILE + lane] = low;
    activations[(q + 4u) * TILE + lane] = high;
    weights[q * TILE + lane] = first(word) * factor;
    weights[(q + 4u) * TILE + lane] = second(other) * factor;
    workgroupBarrier();
    // The next block's come from memory while this one's are multiplied; the last is read twice.
    let next = min(block + 1u, blocks - 1u);
    let at = (output + next) * WORDS_PER_BLOCK + q;
    low = x[(row + next) * 8u + q];
    high = x[(row + next) * 8u + q + 4u];
    word = words[at];
    other = words[at + SECOND];
    factor = scale(output + next);
    for (var k = 0u; k < 8u; k++) {
      let r = k * TILE + local.y;
      let o = k * TILE + local.x;
      let w = mat4x4<f32>(weights[o], weights[o + 16u], weights[o + 32u], weights[o + 48u]);
      // A row vector times a matrix: the dot products with its columns.
      sum0 += activations[r] * w;
      sum1 += activations[r + 16u] * w;
      sum2 += activations[r + 32u] * w;
      sum3 += activations[r + 48u] * w;
    }
    workgroupBarrier();
  }
  let first_row = place.y * TILE + local.y;
  let first_output = place.x * TILE + local.x;
  store(first_row, first_output, sum0);
  store(first_row + 16u, first_output, sum1);
  store(first_row + 32u, first_output, sum2);
  store(first_row + 48u, first_output, sum3);
}
