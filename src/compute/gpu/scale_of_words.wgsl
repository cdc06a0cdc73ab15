
fn scale#(index: u32) -> f32 {
  let pair = unpack2x16float(scales#[index >> 1u]);
  return select(pair.x, pair.y, (index & 1u) == 1u);
}
