// A tile of a product for each of four threads, whose outputs lie side by side.
const THREADS: u32 = 4u;

// SwiftShader's compiler keeps the second factors in registers, and the sum in one, when they stand like this.
fn add_dot(sum: f32, a: vec4<f32>, b: vec4<f32>) -> f32 {
  return sum + a.x * b.x + a.y * b.y + a.z * b.z + a.w * b.w;
}
