// A row for each workgroup: neighbouring threads read neighbouring numbers. What all threads need to know of their parts,
// every thread looks up in all parts itself: a barrier for each halving would be dearer.
const THREADS: u32 = 64u;
// A thread's numbers are that far apart.
const STEP: u32 = THREADS;
// Workgroups in the grid's first dimension; more than WebGPU takes there go on in the second.
const GRID: u32 = 32768u;
var<workgroup> parts: array<f32, THREADS>;

fn row_of(group: vec3<u32>, thread: u32) -> u32 {
  return group.x + group.y * GRID;
}

fn first_of(thread: u32) -> u32 {
  return thread;
}

fn share(thread: u32, part: f32) {
  // Others may still be reading what was there.
  workgroupBarrier();
  parts[thread] = part;
  workgroupBarrier();
}

fn total(thread: u32, part: f32) -> f32 {
  share(thread, part);
  var sum = 0.0;
  for (var i = 0u; i < THREADS; i++) {
    sum += parts[i];
  }
  return sum;
}

fn largest_of(thread: u32, part: f32) -> f32 {
  share(thread, part);
  var largest = part;
  for (var i = 0u; i < THREADS; i++) {
    largest = max(largest, parts[i]);
  }
  return largest;
}
