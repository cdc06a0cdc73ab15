
fn scale#(index: u32) -> f32 {
  return f32(scales#[index]);
}
