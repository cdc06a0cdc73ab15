// One token's keys and values, [rows, heads, width], into their places in [rows, heads, room, width].
@group(0) @binding(0) var<storage, read_write> key: array<f32>;
@group(0) @binding(1) var<storage, read_write> value: array<f32>;
@group(0) @binding(2) var<storage, read_write> keys: array<f32>;
@group(0) @binding(3) var<storage, read_write> values: array<f32>;
// count of a token's numbers, width, room, position
@group(0) @binding(4) var<uniform> info: vec4<u32>;

const THREADS: u32 = 64u;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let i = place_of(group, 1u).x * THREADS + thread;
  if (i >= info.x) {
    return;
  }
  let at = (i / info.y * info.z + info.w) * info.y + i % info.y;
  keys[at] = key[i];
  values[at] = value[i];
}
