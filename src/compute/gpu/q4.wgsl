// Blocks of 4-bit integers: words q = 0..3 of a block hold elements 4q.. in their low and 16 + 4q.. in their high
// nibbles. Read as two halves of the block, each four times four elements.
const WORDS_PER_BLOCK: u32 = 4u;
// Index of the word that holds the second half's elements, relative to the first half's.
const SECOND: u32 = 0u;
fn first(word: u32) -> vec4<f32> {
  return vec4<f32>(unpack4xU8(word & 0x0f0f0f0fu)) - vec4<f32>(8.0);
}
fn second(word: u32) -> vec4<f32> {
  return vec4<f32>(unpack4xU8((word >> 4u) & 0x0f0f0f0fu)) - vec4<f32>(8.0);
}
