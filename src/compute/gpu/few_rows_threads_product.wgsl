
fn product$m(place: Place) -> Sums {
  let blocks = info.z;
  // Surplus outputs repeat the last real one and are not written.
  let start_$j = min(place.output + APART * $j, info.y - 1u) * blocks;
  var sums = Sums();
  for (var block = 0u; block < blocks; block++) {
    let factor_$j = scale$m(start_$j + block);
    for (var q = 0u; q < 4u; q++) {
      let low = x[(place.row * blocks + block) * 8u + q];
      let high = x[(place.row * blocks + block) * 8u + q + 4u];
      let weights_$j = quarter$m(start_$j + block, q);
      sums[$j] += factor_$j * (dot(weights_$j[0], low) + dot(weights_$j[1], high));
    }
  }
  return sums;
}
