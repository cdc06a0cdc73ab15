// Quarter q of both halves of a block of 8-bit integers, a word each. Masked and then multiplied into place: software
// adapters shift one number after the other. All bytes but the topmost are without a sign once their first bits have been
// turned.
fn four$m(word: u32) -> vec4<f32> {
  let bytes = vec4<i32>(bitcast<i32>(word ^ 0x00808080u)) & vec4<i32>(0xff, 0xff00, 0xff0000, -0x1000000);
  return vec4<f32>(bytes) * vec4<f32>(1.0, 0x1p-8, 0x1p-16, 0x1p-24) - vec4<f32>(128.0, 128.0, 128.0, 0.0);
}
fn quarter$m(block: u32, q: u32) -> mat2x4<f32> {
  return mat2x4<f32>(four$m(words$m[block * 8u + q]), four$m(words$m[block * 8u + q + 4u]));
}
