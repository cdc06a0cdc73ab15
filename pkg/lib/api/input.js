// @ts-check
// What of a picture crosses to the thread that decodes it. Only what lives on the page is looked at here.
import { AS_STORED } from "../crossing.js";
import { aborted, described, InvalidInputError, InvalidOptionError, throwIfAborted } from "../errors.js";
import { resolveUrl } from "../request.js";
import { EncodedImage } from "./image.js";

/** @typedef {import("../crossing.js").Crossing} Crossing */
/** @typedef {import("../crossing.js").Given} Given */

/** @param {unknown} value @param {string} name of a class that this environment may lack */
function isA(value, name) {
  const known = /** @type {any} */ (globalThis)[name];
  return typeof known === "function" && value instanceof known;
}

/**
 * The picture as it is now: the caller may change or close it right after the call.
 * @param {any} input @param {AbortSignal | undefined} signal
 * @param {string} [expected] how the message begins that refuses what is no picture
 * @returns {Promise<{input: Crossing, transfer: Transferable[]}>}
 */
export async function crossing(input, signal, expected = "image: expected") {
  throwIfAborted(signal);
  if (typeof input === "string" || isA(input, "URL")) {
    return { input: { kind: "url", href: resolveUrl(input, "image").href }, transfer: [] };
  }
  if (isA(input, "Blob")) return { input: { kind: "blob", blob: input }, transfer: [] };
  if (isPixels(input)) return { input: pixels(input), transfer: [] };
  const what = element(input);
  if (what === null) {
    throw new InvalidInputError(
      `${expected} a Blob, File, ImageBitmap, <img>, <video>, <canvas>, OffscreenCanvas, VideoFrame, ImageData, { data, width, height } or URL, found ${described(input)}`,
    );
  }
  let bitmap;
  try {
    if (isA(input, "HTMLImageElement")) await input.decode();
    bitmap = await createImageBitmap(input, AS_STORED);
  } catch (cause) {
    if (signal?.aborted) throw aborted(cause);
    throw new InvalidInputError(`${what}: not a picture that this browser can decode`, cause);
  }
  return { input: { kind: "bitmap", bitmap, what }, transfer: [bitmap] };
}

/** What an element or frame is called in messages; null for anything else. @param {any} input */
function element(input) {
  if (isA(input, "ImageBitmap")) {
    if (input.width === 0) throw new InvalidInputError("image: an ImageBitmap that was closed is empty");
    return "image";
  }
  if (isA(input, "HTMLImageElement")) return `image element ${input.currentSrc.startsWith("data:") ? "" : input.currentSrc}`.trimEnd();
  if (isA(input, "HTMLVideoElement")) {
    // HAVE_CURRENT_DATA: there is a frame to look at.
    if (input.readyState < 2) throw new InvalidInputError("image: the <video> shows no frame yet; wait for its loadeddata event");
    return "video";
  }
  if (isA(input, "VideoFrame")) return "video frame";
  if (isA(input, "HTMLCanvasElement") || isA(input, "OffscreenCanvas")) {
    if (input.width === 0 || input.height === 0) throw new InvalidInputError(`image: a canvas of ${input.width} x ${input.height} pixels`);
    return "canvas";
  }
  return null;
}

/** ImageData, or an object like it. @param {any} input */
function isPixels(input) {
  return isA(input, "ImageData") || (ArrayBuffer.isView(input?.data) && Number.isInteger(input.width) && Number.isInteger(input.height));
}

/** @param {{data: any, width: number, height: number}} image @returns {Crossing} */
function pixels({ data, width, height }) {
  if (!(data instanceof Uint8ClampedArray || data instanceof Uint8Array)) {
    throw new InvalidInputError(`image: expected data of 8-bit RGBA values (Uint8ClampedArray or Uint8Array), found ${described(data)}`);
  }
  if (data.length !== 4 * width * height) {
    throw new InvalidInputError(`image: ${width} x ${height} pixels need ${4 * width * height} bytes, found ${data.length}`);
  }
  return { kind: "pixels", width, height, rgba: new Uint8Array(data) };
}

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
