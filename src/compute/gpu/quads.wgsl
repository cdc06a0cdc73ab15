// The four threads have the same rows: each reads every fourth of them, and swaps give it the three between. Of four rows it
// begins with the one that is its own, so row i of a tile is row i ^ lane of the matrix.
@compute @workgroup_size(4)
fn main(
  @builtin(workgroup_id) tile: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
  @builtin(subgroup_invocation_id) place: u32,
) {
  run(tile, thread, place & 3u);
}
