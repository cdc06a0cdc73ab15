// A row for each workgroup: neighbouring threads read neighbouring numbers.
// A thread's numbers are that far apart.
const STEP: u32 = THREADS;

fn row_of(group: vec3<u32>, thread: u32) -> u32 {
  return place_of(group, 1u).x;
}

fn first_of(thread: u32) -> u32 {
  return thread;
}
