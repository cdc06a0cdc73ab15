// How a workgroup's threads put their numbers together: through shared memory.
const THREADS: u32 = 64u;
var<workgroup> parts: array<f32, THREADS>;
var<workgroup> eights: array<mat2x4<f32>, THREADS>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  run(group, thread);
}

// What all threads need to know of their parts, every thread looks up in all parts itself: a barrier for each halving
// would be dearer.
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

fn total_of_eights(thread: u32, part: mat2x4<f32>) -> mat2x4<f32> {
  // Others may still be reading what was there.
  workgroupBarrier();
  eights[thread] = part;
  workgroupBarrier();
  for (var half = THREADS / 2u; half > 0u; half >>= 1u) {
    if (thread < half) {
      eights[thread] = eights[thread] + eights[thread + half];
    }
    workgroupBarrier();
  }
  return eights[0];
}
