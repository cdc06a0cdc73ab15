
// A block's scale in matrix $m.
fn scale$m(index: u32) -> f32 {
#if halves
  return f32(scales$m[index]);
#else
  let pair = unpack2x16float(scales$m[index >> 1u]);
  return select(pair.x, pair.y, (index & 1u) == 1u);
#end
}
