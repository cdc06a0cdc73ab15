
// b is [outputs, inner], as checkpoints store matrices and as keys lie.
const NT: bool = true;
fn of_b(output: u32, i: u32) -> u32 {
  return output * info.z + i;
}
