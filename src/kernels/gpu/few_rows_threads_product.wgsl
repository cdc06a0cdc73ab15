
// Quarter q of a block, one product: a and b are that quarter's activations in the two halves of the block.
fn quarter#(block: u32, q: u32, a: vec4<f32>, b: vec4<f32>) -> f32 {
  let at = block * WORDS_PER_BLOCK + q;
  return dot(first(words#[at]), a) + dot(second(words#[at + SECOND]), b);
}

fn product#(place: Place) -> Sums {
  var sum = vec4<f32>(0.0);
  for (var block = 0u; block < info.z; block++) {
    let at = place.start + vec4<u32>(block);
    var part = vec4<f32>(0.0);
    for (var q = 0u; q < 4u; q++) {
      let a = x[(place.row * info.z + block) * 8u + q];
      let b = x[(place.row * info.z + block) * 8u + q + 4u];
      part += vec4<f32>(quarter#(at.x, q, a, b), quarter#(at.y, q, a, b), quarter#(at.z, q, a, b), quarter#(at.w, q, a, b));
    }
    sum += part * vec4<f32>(scale#(at.x), scale#(at.y), scale#(at.z), scale#(at.w));
  }
  return sum;
}
