// Every thread reads all its rows.
@compute @workgroup_size(4)
fn main(@builtin(workgroup_id) tile: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  run(tile, thread, 0u);
}
