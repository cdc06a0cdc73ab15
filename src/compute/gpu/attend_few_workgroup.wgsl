
// softmax(scale q kᵀ + bias) v for one query in one head: a workgroup for each, its scores in shared memory. Keys come
// in runs: the sums so far shrink when a later run holds a larger score.
const RUN: u32 = 512u;
// The query and the values are as wide as the threads are many, in fours.
var<workgroup> query: array<vec4<f32>, THREADS>;
var<workgroup> scores: array<f32, RUN>;
var<workgroup> sums: array<vec4<f32>, THREADS>;

fn run(group: vec3<u32>, thread: u32) {
  let lanes = info.lanes;
  let place = place_of(group, info.queries);
  let entry = place.x / info.heads;
  let head = place.x % info.heads;
  let here = ((entry * info.queries + place.y) * info.heads + head) * lanes;
  if (here >= info.queries_size) {
    return;
  }
  let past = place.x * info.room * lanes;
  let bias_start = entry * info.bias_entry + head * info.bias_head + place.y * info.bias_query;
  if (thread < lanes) {
    query[thread] = q[here + thread] * info.scale;
    remember(past, here, thread);
  }
  storageBarrier();
  workgroupBarrier();
  // Of the values, a thread sums four columns of every so many rows.
  let lane = thread % lanes;
  let share = thread / lanes;
  let shares = THREADS / lanes;
  // Below every finite score.
  var largest = -3.4028234e38;
  var weights = 0.0;
  var sum = vec4<f32>(0.0);
  for (var start = 0u; start < info.length; start += RUN) {
    let count = min(RUN, info.length - start);
    var larger = largest;
    for (var k = thread; k < count; k += THREADS) {
      let key = past + (start + k) * lanes;
      var score = 0.0;
      for (var i = 0u; i < lanes; i++) {
        score += dot(query[i], keys[key + i]);
      }
      score = biased(score, bias_start + start + k);
      scores[k] = score;
      larger = max(larger, score);
    }
    larger = largest_of(thread, larger);
    let factor = exp(largest - larger);
    largest = larger;
    weights *= factor;
    sum *= factor;
    for (var k = thread; k < count; k += THREADS) {
      let weight = exp(scores[k] - largest);
      scores[k] = weight;
      weights += weight;
    }
    workgroupBarrier();
    if (share < shares) {
      for (var k = share; k < count; k += shares) {
        sum += scores[k] * values[past + (start + k) * lanes + lane];
      }
    }
    workgroupBarrier();
  }
  sums[thread] = sum;
  // And the sums are there for all to read.
  weights = total(thread, weights);
  if (thread < lanes) {
    for (var i = 1u; i < shares; i++) {
      sum += sums[i * lanes + thread];
    }
    y[here + thread] = sum / weights;
  }
}
