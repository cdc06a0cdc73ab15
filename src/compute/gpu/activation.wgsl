// An activation of each number, times what it is a gate for.
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
#if gated
@group(0) @binding(1) var<storage, read_write> linear: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
// count
@group(0) @binding(3) var<uniform> info: vec4<u32>;
#else
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> info: vec4<u32>;
#end

const THREADS: u32 = 64u;
const EACH: u32 = 4u;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let start = place_of(group, 1u).x * THREADS * EACH + thread;
  for (var k = 0u; k < EACH; k++) {
    let i = start + k * THREADS;
    if (i < info.x) {
#if gated
      y[i] = activation(x[i]) * linear[i];
#else
      y[i] = activation(x[i]);
#end
    }
  }
}
