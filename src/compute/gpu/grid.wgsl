// Workgroups in the grid's first dimension, as in launch.rs; more than WebGPU takes there go on in the second.
const GRID: u32 = 32768u;

// A workgroup's place across, down and in the batch, where there are `down` of them down.
fn place_of(group: vec3<u32>, down: u32) -> vec3<u32> {
  return vec3<u32>(group.x + group.y / down * GRID, group.y % down, group.z);
}
