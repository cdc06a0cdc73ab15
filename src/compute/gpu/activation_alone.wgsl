@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> info: vec4<u32>;

fn gate(i: u32) -> f32 {
  return 1.0;
}
