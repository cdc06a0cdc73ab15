// @ts-check
// The pictures that a call is about: encoded ones, which the other side knows by their numbers, and any others, which it
// encodes for this call alone.
import { InvalidOptionError } from "../errors.js";
import { EncodedImage } from "./image.js";
import { crossing } from "./input.js";

/** @typedef {import("../crossing.js").Given} Given */

/**
 * What was given as `image` or `images`, as a list.
 * @param {any} image @param {any} images
 * @returns {{value: any, name: string}[]}
 */
export function listed(image, images) {
  const [one, several] = [image ?? null, images ?? null];
  if (one !== null && several !== null) throw new InvalidOptionError("options image and images: expected one of them, found both");
  if (Array.isArray(one)) return named(one, "image");
  if (one !== null) return [{ value: one, name: "image" }];
  if (several === null) return [];
  if (!Array.isArray(several)) throw new InvalidOptionError("option images: expected an array of pictures; one alone is the option image");
  return named(several, "images");
}

/** @param {any[]} list @param {string} what */
function named(list, what) {
  return list.map((value, i) => ({ value, name: `${what}[${i}]` }));
}

/**
 * What crosses of a picture.
 * @param {{value: any, name: string}} picture
 * @param {(image: EncodedImage) => boolean} held whether the other side has its bytes
 * @param {AbortSignal | undefined} signal
 * @returns {Promise<{given: Given, transfer: Transferable[]}>}
 */
export async function given({ value, name }, held, signal) {
  if (!(value instanceof EncodedImage)) {
    const { input, transfer } = await crossing(value, signal, `${name}: expected what model.encodeImage() gives, or`);
    return { given: { input }, transfer };
  }
  const { id, portable } = value;
  return { given: portable === null || held(value) ? { image: id } : { image: id, bytes: portable }, transfer: [] };
}
