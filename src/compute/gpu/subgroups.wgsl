// How a workgroup's threads put their numbers together: those of a subgroup without memory, then one number of each
// subgroup through shared memory.
const THREADS: u32 = 64u;
// Subgroups may be as small as a thread.
var<workgroup> parts: array<f32, THREADS>;
var<workgroup> eights: array<mat2x4<f32>, THREADS>;
// A thread's subgroup, how many there are, and its place in it.
var<private> subgroup: u32;
var<private> subgroups: u32;
var<private> subgroup_place: u32;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
  @builtin(subgroup_id) id: u32,
  @builtin(num_subgroups) count: u32,
  @builtin(subgroup_invocation_id) place: u32,
) {
  subgroup = id;
  subgroups = count;
  subgroup_place = place;
  run(group, thread);
}

fn share(part: f32) {
  // Others may still be reading what was there.
  workgroupBarrier();
  if (subgroup_place == 0u) {
    parts[subgroup] = part;
  }
  workgroupBarrier();
}

fn total(thread: u32, part: f32) -> f32 {
  share(subgroupAdd(part));
  var sum = 0.0;
  for (var i = 0u; i < subgroups; i++) {
    sum += parts[i];
  }
  return sum;
}

fn largest_of(thread: u32, part: f32) -> f32 {
  share(subgroupMax(part));
  var largest = part;
  for (var i = 0u; i < subgroups; i++) {
    largest = max(largest, parts[i]);
  }
  return largest;
}

fn total_of_eights(thread: u32, part: mat2x4<f32>) -> mat2x4<f32> {
  let near = mat2x4<f32>(subgroupAdd(part[0]), subgroupAdd(part[1]));
  // Others may still be reading what was there.
  workgroupBarrier();
  if (subgroup_place == 0u) {
    eights[subgroup] = near;
  }
  workgroupBarrier();
  var sum = mat2x4<f32>();
  for (var i = 0u; i < subgroups; i++) {
    sum += eights[i];
  }
  return sum;
}
