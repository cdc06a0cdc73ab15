// Quarter q of both halves of a block of 4-bit integers: a word holds elements 4q.. in its low and 16 + 4q.. in its high
// nibbles. Masked and then multiplied into place: software adapters shift one number after the other. The topmost nibble
// is one with a sign after its first bit has been turned.
fn quarter$m(block: u32, q: u32) -> mat2x4<f32> {
  let word = vec4<i32>(bitcast<i32>(words$m[block * 4u + q] ^ 0x80000000u));
  let low = vec4<f32>(word & vec4<i32>(0xf, 0xf00, 0xf0000, 0xf000000));
  let high = vec4<f32>(word & vec4<i32>(0xf0, 0xf000, 0xf00000, -0x10000000));
  return mat2x4<f32>(
    low * vec4<f32>(1.0, 0x1p-8, 0x1p-16, 0x1p-24) - vec4<f32>(8.0),
    high * vec4<f32>(0x1p-4, 0x1p-12, 0x1p-20, 0x1p-28) - vec4<f32>(8.0, 8.0, 8.0, 0.0),
  );
}
