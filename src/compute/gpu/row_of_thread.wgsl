// A row for each thread: no barriers, which a software adapter pays for dearly.
const THREADS: u32 = 64u;
// A thread's numbers are that far apart.
const STEP: u32 = 1u;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  run(group, thread);
}

fn row_of(group: vec3<u32>, thread: u32) -> u32 {
  return place_of(group, 1u).x * THREADS + thread;
}

fn first_of(thread: u32) -> u32 {
  return 0u;
}

fn total(thread: u32, part: f32) -> f32 {
  return part;
}

fn largest_of(thread: u32, part: f32) -> f32 {
  return part;
}
