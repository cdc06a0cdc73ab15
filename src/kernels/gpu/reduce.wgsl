// What all threads of a workgroup need to know of their parts. Every thread goes through the parts itself: a barrier for
// each halving would be dearer, on a software adapter above all.
const THREADS: u32 = 64u;
// Rows in the grid's first dimension; more than WebGPU takes there go on in the second.
const GRID: u32 = 32768u;
var<workgroup> parts: array<f32, THREADS>;

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
