// Blocks of 8-bit integers: word q of a block holds elements 4q... Read as two halves of the block, each four times
// four elements.
const WORDS_PER_BLOCK: u32 = 8u;
// Index of the word that holds the second half's elements, relative to the first half's.
const SECOND: u32 = 4u;
fn first(word: u32) -> vec4<f32> {
  return vec4<f32>(unpack4xI8(word));
}
fn second(word: u32) -> vec4<f32> {
  return vec4<f32>(unpack4xI8(word));
}
