
// A thread for each eight rows and four outputs: all sums in registers, no barriers.
@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let output = id.x * 4u;
  let row = id.y * 8u;
  let inner = info.z;
  if (output >= info.y || row >= info.x) {
    return;
  }
  // Surplus rows and outputs repeat the last real one and are not written.
  let last = info.y - 1u;
  let last_row = info.x - 1u;
  let outputs = vec4<u32>(output, min(output + 1u, last), min(output + 2u, last), min(output + 3u, last));
  let from_a = id.z * info.x;
  let from_b = id.z * info.w;
  let a0 = (from_a + row) * inner;
  let a1 = (from_a + min(row + 1u, last_row)) * inner;
  let a2 = (from_a + min(row + 2u, last_row)) * inner;
  let a3 = (from_a + min(row + 3u, last_row)) * inner;
  let a4 = (from_a + min(row + 4u, last_row)) * inner;
  let a5 = (from_a + min(row + 5u, last_row)) * inner;
  let a6 = (from_a + min(row + 6u, last_row)) * inner;
  let a7 = (from_a + min(row + 7u, last_row)) * inner;
  var sum0 = vec4<f32>(0.0);
  var sum1 = vec4<f32>(0.0);
  var sum2 = vec4<f32>(0.0);
  var sum3 = vec4<f32>(0.0);
  var sum4 = vec4<f32>(0.0);
  var sum5 = vec4<f32>(0.0);
  var sum6 = vec4<f32>(0.0);
  var sum7 = vec4<f32>(0.0);
  for (var i = 0u; i < inner; i++) {
    let weights = vec4<f32>(
      b[from_b + of_b(outputs.x, i)],
      b[from_b + of_b(outputs.y, i)],
      b[from_b + of_b(outputs.z, i)],
      b[from_b + of_b(outputs.w, i)],
    );
    sum0 += a[a0 + i] * weights;
    sum1 += a[a1 + i] * weights;
    sum2 += a[a2 + i] * weights;
    sum3 += a[a3 + i] * weights;
    sum4 += a[a4 + i] * weights;
    sum5 += a[a5 + i] * weights;
    sum6 += a[a6 + i] * weights;
    sum7 += a[a7 + i] * weights;
  }
  store(from_a, row, output, sum0);
  store(from_a, row + 1u, output, sum1);
  store(from_a, row + 2u, output, sum2);
  store(from_a, row + 3u, output, sum3);
  store(from_a, row + 4u, output, sum4);
  store(from_a, row + 5u, output, sum5);
  store(from_a, row + 6u, output, sum6);
  store(from_a, row + 7u, output, sum7);
}

fn store(from_a: u32, row: u32, output: u32, sum: vec4<f32>) {
  if (row >= info.x) {
    return;
  }
  let out = (from_a + row) * info.y + output;
  y[out] = sum.x;
  if (output + 1u < info.y) { y[out + 1u] = sum.y; }
  if (output + 2u < info.y) { y[out + 2u] = sum.z; }
  if (output + 3u < info.y) { y[out + 3u] = sum.w; }
}
