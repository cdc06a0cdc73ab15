
// An activation of each number, times what it is a gate for.
@group(0) @binding(0) var<storage, read_write> x: array<f32>;

const THREADS: u32 = 64u;
const EACH: u32 = 4u;

// count, workgroups in the grid's first dimension
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let start = (group.x + group.y * info.y) * THREADS * EACH + thread;
  for (var k = 0u; k < EACH; k++) {
    let i = start + k * THREADS;
    if (i < info.x) {
      y[i] = activation(x[i]) * gate(i);
    }
  }
}
