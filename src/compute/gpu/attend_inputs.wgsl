struct Info {
  heads: u32,
  queries: u32,
  // Fours of numbers in a head.
  lanes: u32,
  // Keys that there is room for, and those that are seen.
  room: u32,
  length: u32,
  // How far apart the bias' rows are; 0 where one serves all.
  bias_entry: u32,
  bias_head: u32,
  bias_query: u32,
  scale: f32,
  // Fours of numbers in all queries.
  queries_size: u32,
}
@group(0) @binding(0) var<storage, read_write> q: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> keys: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> values: array<vec4<f32>>;
#if biased
@group(0) @binding(3) var<storage, read_write> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(5) var<uniform> info: Info;
#else
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(4) var<uniform> info: Info;
#end

fn biased(score: f32, at: u32) -> f32 {
#if biased
  return score + bias[at];
#else
  return score;
#end
}

// Behind the queries of new tokens come their keys and values: they take the last seen place, where this workgroup's
// threads find them.
fn remember(past: u32, here: u32, thread: u32) {
#if step
  let at = past + (info.length - 1u) * info.lanes + thread;
  keys[at] = q[info.queries_size + here + thread];
  values[at] = q[2u * info.queries_size + here + thread];
#end
}
