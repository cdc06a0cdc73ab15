// A tile of a product for each of four threads, whose outputs lie side by side.
const THREADS: u32 = 4u;

#if quads
// The four threads have the same rows: each reads every fourth of them, and swaps give it the three between. Of four rows it
// begins with the one that is its own, so row i of a tile is row i ^ lane of the matrix.
@compute @workgroup_size(4)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
  @builtin(subgroup_invocation_id) place: u32,
) {
  run(group, thread, place & 3u);
}
#else
// Every thread reads all its rows.
@compute @workgroup_size(4)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  run(group, thread, 0u);
}
#end

// SwiftShader's compiler keeps the second factors in registers, and the sum in one, when they stand like this.
fn add_dot(sum: f32, a: vec4<f32>, b: vec4<f32>) -> f32 {
  return sum + a.x * b.x + a.y * b.y + a.z * b.z + a.w * b.w;
}
