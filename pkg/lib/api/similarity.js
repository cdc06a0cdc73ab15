// @ts-check
import { described, InvalidInputError } from "../errors.js";

/**
 * SigLIP's probability that a picture and a text belong together.
 * @param {{logitScale: number, logitBias: number, embeddingSize: number}} info
 * @param {any} images one embedding or several @param {any} texts
 */
export function similarity({ logitScale, logitBias, embeddingSize }, images, texts) {
  const one = images instanceof Float32Array && texts instanceof Float32Array;
  const rows = embeddings(images, "images", embeddingSize);
  const columns = embeddings(texts, "texts", embeddingSize);
  const matrix = rows.map((image) =>
    columns.map((text) => {
      let cosine = 0;
      for (let i = 0; i < embeddingSize; i++) cosine += image[i] * text[i];
      return 1 / (1 + Math.exp(-(Math.exp(logitScale) * cosine + logitBias)));
    }),
  );
  return one ? matrix[0][0] : matrix;
}

/** @param {any} given @param {string} what @param {number} size @returns {Float32Array[]} */
function embeddings(given, what, size) {
  const list = given instanceof Float32Array ? [given] : given;
  if (!Array.isArray(list)) throw new InvalidInputError(`${what}: expected what model.embed() gives, found ${described(given)}`);
  for (const [i, one] of list.entries()) {
    if (!(one instanceof Float32Array)) throw new InvalidInputError(`${what}[${i}]: expected a Float32Array, found ${described(one)}`);
    if (one.length !== size) throw new InvalidInputError(`${what}[${i}]: expected ${size} numbers, found ${one.length}`);
  }
  return list;
}
