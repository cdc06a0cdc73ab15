// Products of float matrices, one for each batch entry: y = a · b, with a of [rows, inner].
@group(0) @binding(0) var<storage, read_write> a: array<f32>;
@group(0) @binding(1) var<storage, read_write> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
// rows, outputs, inner, elements of b for one batch entry (0: all share one b)
@group(0) @binding(3) var<uniform> info: vec4<u32>;

#if transposed
// b is [outputs, inner], as checkpoints store matrices and as keys lie.
const TRANSPOSED: bool = true;
fn of_b(output: u32, i: u32) -> u32 {
  return output * info.z + i;
}
#else
// b is [inner, outputs], as values lie.
const TRANSPOSED: bool = false;
fn of_b(output: u32, i: u32) -> u32 {
  return i * info.y + output;
}
#end
