// Products of float matrices, one for each batch entry: y = a · b, with a of [rows, inner] and b as NT says.
@group(0) @binding(0) var<storage, read_write> a: array<f32>;
@group(0) @binding(1) var<storage, read_write> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
// rows, outputs, inner, elements of b for one batch entry (0: all share one b)
@group(0) @binding(3) var<uniform> info: vec4<u32>;
