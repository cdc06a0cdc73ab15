
// b is [inner, outputs], as values lie.
const NT: bool = false;
fn of_b(output: u32, i: u32) -> u32 {
  return i * info.y + output;
}
