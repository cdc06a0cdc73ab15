// The best tokens of each row of scores, and the logarithm of the sum of all exponentials: a workgroup for each row, which
// goes through the row once for each token. Of each only what a search looks at crosses over to the host.
@group(0) @binding(0) var<storage, read_write> scores: array<f32>;
// For each row the logarithm, then the ids, then the scores of the best, by falling score.
@group(0) @binding(1) var<storage, read_write> best: array<f32>;
// rows, vocabulary, how many
@group(0) @binding(2) var<uniform> info: vec4<u32>;

const THREADS: u32 = 256u;
// No score at all; below every finite one.
const NONE: f32 = -3.4028234e38;
var<workgroup> values: array<f32, THREADS>;
var<workgroup> ids: array<u32, THREADS>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let vocabulary = info.y;
  let row = place_of(group, 1u).x;
  if (row >= info.x) {
    return;
  }
  let start = row * vocabulary;
  let out = row * (1u + 2u * info.z);
  // The one before: those that follow it are smaller, or equal with a larger id.
  var bound = 0.0;
  var bound_id = 0u;
  for (var rank = 0u; rank < info.z; rank++) {
    var value = NONE;
    var id = vocabulary;
    for (var i = thread; i < vocabulary; i += THREADS) {
      let score = scores[start + i];
      let follows = rank == 0u || score < bound || (score == bound && i > bound_id);
      if (follows && (id == vocabulary || score > value)) {
        value = score;
        id = i;
      }
    }
    values[thread] = value;
    ids[thread] = id;
    workgroupBarrier();
    for (var half = THREADS / 2u; half > 0u; half >>= 1u) {
      if (thread < half) {
        let other = values[thread + half];
        let other_id = ids[thread + half];
        let better = other > values[thread] || (other == values[thread] && other_id < ids[thread]);
        if (other_id < vocabulary && (ids[thread] == vocabulary || better)) {
          values[thread] = other;
          ids[thread] = other_id;
        }
      }
      workgroupBarrier();
    }
    bound = values[0];
    bound_id = ids[0];
    workgroupBarrier();
    if (thread == 0u) {
      best[out + 1u + rank] = f32(bound_id);
      best[out + 1u + info.z + rank] = bound;
    }
    if (rank == 0u) {
      var sum = 0.0;
      for (var i = thread; i < vocabulary; i += THREADS) {
        sum += exp(scores[start + i] - bound);
      }
      values[thread] = sum;
      workgroupBarrier();
      for (var half = THREADS / 2u; half > 0u; half >>= 1u) {
        if (thread < half) {
          values[thread] += values[thread + half];
        }
        workgroupBarrier();
      }
      if (thread == 0u) {
        best[out] = bound + log(values[0]);
      }
      workgroupBarrier();
    }
  }
}
