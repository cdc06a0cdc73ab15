
// x Wᵀ, a thread for each four outputs of a row: no barriers, the row's activations are read once for four outputs.
@group(0) @binding(0) var<storage, read_write> x: array<vec4<f32>>;

// Quarter q of a block, one product: a and b are that quarter's activations in the two halves of the block.
fn quarter(block: u32, q: u32, a: vec4<f32>, b: vec4<f32>) -> f32 {
  let at = block * WORDS_PER_BLOCK + q;
  return dot(first(words[at]), a) + dot(second(words[at + SECOND]), b);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let output = id.x * 4u;
  let row = id.y;
  let outputs = info.y;
  let blocks = info.z;
  if (output >= outputs) {
    return;
  }
  // The last thread's surplus outputs repeat the last real one and are not written.
  let last = outputs - 1u;
  let start = vec4<u32>(output, min(output + 1u, last), min(output + 2u, last), min(output + 3u, last)) * blocks;
  var sum = vec4<f32>(0.0);
  for (var block = 0u; block < blocks; block++) {
    let at = start + vec4<u32>(block);
    var part = vec4<f32>(0.0);
    for (var q = 0u; q < 4u; q++) {
      let a = x[(row * blocks + block) * 8u + q];
      let b = x[(row * blocks + block) * 8u + q + 4u];
      part += vec4<f32>(quarter(at.x, q, a, b), quarter(at.y, q, a, b), quarter(at.z, q, a, b), quarter(at.w, q, a, b));
    }
    sum += part * vec4<f32>(scale(at.x), scale(at.y), scale(at.z), scale(at.w));
  }
  let out = row * outputs + output;
  y[out] = sum.x;
  if (output + 1u < outputs) { y[out + 1u] = sum.y; }
  if (output + 2u < outputs) { y[out + 2u] = sum.z; }
  if (output + 3u < outputs) { y[out + 3u] = sum.w; }
}
