
struct Info {
  rows: u32,
  width: u32,
  heads: u32,
  queries: u32,
  // How far apart the bias' rows are; 0 where one serves all.
  bias_entry: u32,
  bias_head: u32,
  bias_query: u32,
  scale: f32,
}
@group(0) @binding(0) var<storage, read_write> scores: array<f32>;
