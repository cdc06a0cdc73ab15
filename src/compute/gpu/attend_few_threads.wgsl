
// softmax(scale q kᵀ + bias) v, a thread for each query in one head: no barriers. Keys come in runs: the sums so far shrink
// when a later run holds a larger score. A workgroup is as wide as a software adapter's registers.
const RUN: u32 = 16u;

@compute @workgroup_size(4)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let lanes = info.lanes;
  // Of all heads of all queries.
  let index = place_of(group, 1u).x * 4u + thread;
  let here = index * lanes;
  if (here >= info.queries_size) {
    return;
  }
  let head = index % info.heads;
  let row = index / info.heads;
  let entry = row / info.queries;
  let past = (entry * info.heads + head) * info.room * lanes;
  let bias_start = entry * info.bias_entry + head * info.bias_head + row % info.queries * info.bias_query;
  for (var i = 0u; i < lanes; i++) {
    remember(past, here, i);
    y[here + i] = vec4<f32>(0.0);
  }
  var scores = array<f32, RUN>();
  // Below every finite score.
  var largest = -3.4028234e38;
  var total = 0.0;
  for (var start = 0u; start < info.length; start += RUN) {
    let count = min(RUN, info.length - start);
    var larger = largest;
    for (var k = 0u; k < count; k++) {
      let key = past + (start + k) * lanes;
      var products = vec4<f32>(0.0);
      for (var i = 0u; i < lanes; i++) {
        products += q[here + i] * keys[key + i];
      }
      let score = biased(info.scale * dot(products, vec4<f32>(1.0)), bias_start + start + k);
      scores[k] = score;
      larger = max(larger, score);
    }
    let factor = exp(largest - larger);
    largest = larger;
    total *= factor;
    for (var k = 0u; k < count; k++) {
      let weight = exp(scores[k] - largest);
      scores[k] = weight;
      total += weight;
    }
    for (var i = 0u; i < lanes; i++) {
      var sum = y[here + i] * factor;
      for (var k = 0u; k < count; k++) {
        sum += scores[k] * values[past + (start + k) * lanes + i];
      }
      y[here + i] = sum;
    }
  }
  for (var i = 0u; i < lanes; i++) {
    y[here + i] /= total;
  }
}
