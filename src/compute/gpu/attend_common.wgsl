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
