// A row for each workgroup: neighbouring threads read neighbouring numbers.
// A thread's numbers are that far apart.
const STEP: u32 = THREADS;
// Workgroups in the grid's first dimension; more than WebGPU takes there go on in the second.
const GRID: u32 = 32768u;

fn row_of(group: vec3<u32>, thread: u32) -> u32 {
  return group.x + group.y * GRID;
}

fn first_of(thread: u32) -> u32 {
  return thread;
}
