
// Rows of a matrix by their ids, as floats: a thread for each quarter of both halves of a block.
@group(0) @binding(0) var<storage, read_write> ids: array<i32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
// rows of the result, rows of the matrix, blocks in a row of it, in_features
@group(0) @binding(4) var<uniform> info: vec4<u32>;

// Four elements; a ragged row's last block ends before the row's end.
fn store(row: u32, element: u32, values: vec4<f32>) {
  for (var i = 0u; i < 4u; i++) {
    if (element + i < info.w) {
      y[row * info.w + element + i] = values[i];
    }
  }
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let blocks = info.z;
  // Rows across, and down as many workgroups as a row has runs of 16 blocks.
  let place = place_of(group, (blocks + 15u) / 16u);
  let row = place.x;
  let block = place.y * 16u + (thread >> 2u);
  let q = thread & 3u;
  if (row >= info.x || block >= blocks) {
    return;
  }
  let entry = min(u32(ids[row]), info.y - 1u) * blocks + block;
  let at = entry * WORDS_PER_BLOCK + q;
  let factor = scale(entry);
  store(row, block * 32u + q * 4u, first(words[at]) * factor);
  store(row, block * 32u + 16u + q * 4u, second(words[at + SECOND]) * factor);
}
