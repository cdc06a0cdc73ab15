@group(0) @binding(3) var<storage, read_write> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(5) var<uniform> info: Info;

fn biased(score: f32, at: u32) -> f32 {
  return score + bias[at];
}
