
// x Wᵀ, a workgroup for each four outputs of two rows: neighbouring threads read neighbouring words, so that the matrix
// streams through once at the memory's full width; the threads' sums are added up in shared memory.
@group(0) @binding(0) var<storage, read_write> x: array<vec4<f32>>;

const THREADS: u32 = 64u;
var<workgroup> sums: array<mat2x4<f32>, THREADS>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let rows = info.x;
  let outputs = info.y;
  let blocks = info.z;
  let output = group.x * 4u;
  let row = group.y * 2u;
  // Surplus outputs and rows repeat the last real one and are not written.
  let last = outputs - 1u;
  let start = vec4<u32>(output, min(output + 1u, last), min(output + 2u, last), min(output + 3u, last)) * blocks;
  let above = row * blocks * 8u;
  let below = min(row + 1u, rows - 1u) * blocks * 8u;
  var sum = mat2x4<f32>();
  // A step is a quarter of a block: one word, or two of 8-bit integers.
  for (var step = thread; step < blocks * 4u; step += THREADS) {
    let block = step >> 2u;
    let q = step & 3u;
    let at = (start + vec4<u32>(block)) * WORDS_PER_BLOCK + vec4<u32>(q);
    let a = mat4x4<f32>(first(words[at.x]), first(words[at.y]), first(words[at.z]), first(words[at.w]));
    let b = mat4x4<f32>(second(words[at.x + SECOND]), second(words[at.y + SECOND]), second(words[at.z + SECOND]), second(words[at.w + SECOND]));
    let factors = vec4<f32>(scale(start.x + block), scale(start.y + block), scale(start.z + block), scale(start.w + block));
    let i = block * 8u + q;
    // A row vector times a matrix: the dot products with its columns.
    sum[0] += factors * (x[above + i] * a + x[above + i + 4u] * b);
    sum[1] += factors * (x[below + i] * a + x[below + i + 4u] * b);
  }
  sums[thread] = sum;
  workgroupBarrier();
  for (var half = THREADS / 2u; half > 0u; half >>= 1u) {
    if (thread < half) {
      sums[thread] = sums[thread] + sums[thread + half];
    }
    workgroupBarrier();
  }
  if (thread < 8u) {
    let out = output + (thread & 3u);
    let out_row = row + (thread >> 2u);
    if (out < outputs && out_row < rows) {
      y[out_row * outputs + out] = sums[0][thread >> 2u][thread & 3u];
    }
  }
}
