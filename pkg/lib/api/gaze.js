// @ts-check
// Cross-attention as the crate gives it, sorted by picture and token.

/**
 * @param {{grids: {rows: number, columns: number}[], tokens: string[], weights: Float32Array}} found a row of `weights` for
 * each token: the patches of each picture, then the prompt's tokens
 * @param {readonly number[]} tokenIds
 */
export function gazes({ grids, tokens, weights }, tokenIds) {
  const length = weights.length / tokens.length;
  const each = tokens.map((text, i) => ({ tokenId: tokenIds[i], text, ...split(weights.subarray(i * length, (i + 1) * length), grids) }));
  // The end token looks anywhere: it has no word to be seen with.
  const spoken = tokens.flatMap((text, i) => (text.trim() === "" ? [] : [i]));
  const counted = spoken.length > 0 ? spoken : tokens.map((_, i) => i);
  const mean = new Float32Array(length);
  for (const i of counted) for (let j = 0; j < length; j++) mean[j] += weights[i * length + j] / counted.length;
  return { grids, tokens: each, mean: split(mean, grids) };
}

/** @param {Float32Array} row @param {{rows: number, columns: number}[]} grids */
function split(row, grids) {
  let at = 0;
  const images = grids.map(({ rows, columns }) => row.slice(at, (at += rows * columns)));
  return { images, prompt: row.subarray(at).reduce((sum, share) => sum + share, 0) };
}
