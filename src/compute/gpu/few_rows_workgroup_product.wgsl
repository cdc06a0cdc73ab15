
fn product$m(place: Place) -> Sums {
  var sum = mat2x4<f32>();
  // A step is a quarter of a block: one word, or two of 8-bit integers.
  for (var step = place.thread; step < info.z * 4u; step += THREADS) {
    let q = step & 3u;
    let block = place.start + vec4<u32>(step >> 2u);
    let at = block * WORDS_PER_BLOCK + vec4<u32>(q);
    let then = at + vec4<u32>(SECOND);
    let a = mat4x4<f32>(first(words$m[at.x]), first(words$m[at.y]), first(words$m[at.z]), first(words$m[at.w]));
    let b = mat4x4<f32>(second(words$m[then.x]), second(words$m[then.y]), second(words$m[then.z]), second(words$m[then.w]));
    let factors = vec4<f32>(scale$m(block.x), scale$m(block.y), scale$m(block.z), scale$m(block.w));
    let i = (place.rows + vec2<u32>(step >> 2u)) * 8u + q;
    // A row vector times a matrix: the dot products with its columns.
    sum[0] += factors * (x[i.x] * a + x[i.x + 4u] * b);
    sum[1] += factors * (x[i.y] * a + x[i.y + 4u] * b);
  }
  return total_of_eights(place.thread, sum);
}
