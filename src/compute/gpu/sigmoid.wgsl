
// 1 / (1 + exp(-x)), without an exponential that is no number any more.
fn sigmoid(x: f32) -> f32 {
  return 1.0 / (1.0 + exp(min(-x, 80.0)));
}
