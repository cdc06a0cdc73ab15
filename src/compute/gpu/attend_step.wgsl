
// Behind the queries of the new tokens come their keys and values: they take the last seen place, where this workgroup's
// threads find them.
fn remember(past: u32, here: u32, thread: u32) {
  let place = past + (info.length - 1u) * info.lanes + thread;
  keys[place] = q[info.queries_size + here + thread];
  values[place] = q[2u * info.queries_size + here + thread];
}
