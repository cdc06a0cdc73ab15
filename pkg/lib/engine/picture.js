// @ts-check
// The browser decodes a picture, and does nothing else to it: no colour management, no scaling, no blending.
// Everything that decides the numbers happens in the crate, as it does natively.
import { AS_STORED } from "../crossing.js";
import { aborted, InvalidInputError, NetworkError, throwIfAborted } from "../errors.js";
import { request, statusError } from "../request.js";

/** @typedef {{width: number, height: number, rgba: Uint8Array}} Pixels row-major, alpha not multiplied in */

/**
 * @param {import("../crossing.js").Crossing} input @param {AbortSignal | undefined} signal
 * @returns {Promise<Pixels>}
 */
export async function decode(input, signal) {
  throwIfAborted(signal);
  if (input.kind === "pixels") return input;
  const { bitmap, what } = input.kind === "bitmap" ? input : await bitmapOf(input, signal);
  try {
    throwIfAborted(signal);
    return readBack(bitmap, what);
  } finally {
    bitmap.close();
  }
}

/** @param {{kind: "url", href: string} | {kind: "blob", blob: Blob}} input @param {AbortSignal | undefined} signal */
async function bitmapOf(input, signal) {
  const blob = input.kind === "blob" ? input.blob : await fetched(new URL(input.href), signal);
  const from = input.kind === "blob" ? "" : ` ${input.href.startsWith("data:") ? "data: URL" : input.href}`;
  const what = `image${from} (${blob.size} bytes${blob.type ? `, ${blob.type}` : ""})`;
  if (typeof createImageBitmap !== "function") {
    throw new InvalidInputError(`${what}: nothing decodes pictures here; give { data, width, height } with RGBA bytes`);
  }
  try {
    return { bitmap: await createImageBitmap(blob, AS_STORED), what };
  } catch (cause) {
    if (signal?.aborted) throw aborted(cause);
    throw new InvalidInputError(`${what}: not a picture that this browser can decode`, cause);
  }
}

/** @param {URL} url @param {AbortSignal | undefined} signal */
async function fetched(url, signal) {
  const response = await request(url, { signal });
  if (!response.ok) throw statusError(url, response);
  try {
    return await response.blob();
  } catch (cause) {
    if (signal?.aborted) throw aborted(cause);
    throw new NetworkError(`${url.href}: cut off`, cause);
  }
}

/** @param {ImageBitmap} bitmap @param {string} what @returns {Pixels} */
function readBack(bitmap, what) {
  const { width, height } = bitmap;
  if (width === 0 || height === 0) throw new InvalidInputError(`${what}: ${width} x ${height} pixels`);
  const rgba = throughCanvas(bitmap);
  // A 2D canvas multiplies alpha in and rounds: only opaque pictures come back exactly.
  let opaque = true;
  for (let i = 3; i < rgba.length && opaque; i += 4) opaque = rgba[i] === 255;
  return { width, height, rgba: opaque ? rgba : (throughWebGl(bitmap) ?? rgba) };
}

/** @param {number} width @param {number} height */
function canvas(width, height) {
  if (typeof OffscreenCanvas !== "undefined") return new OffscreenCanvas(width, height);
  return Object.assign(document.createElement("canvas"), { width, height });
}

/** @param {ImageBitmap} bitmap */
function throughCanvas(bitmap) {
  const { width, height } = bitmap;
  const context = /** @type {OffscreenCanvasRenderingContext2D | null} */ (
    canvas(width, height).getContext("2d", { willReadFrequently: true })
  );
  if (context === null) throw new InvalidInputError(`image: ${width} x ${height} pixels are more than this browser's canvas takes`);
  context.drawImage(bitmap, 0, 0);
  try {
    return new Uint8Array(context.getImageData(0, 0, width, height).data.buffer);
  } catch (cause) {
    throw new InvalidInputError(`image: its ${width} x ${height} pixels cannot be read (from another site, or too many)`, cause);
  }
}

/** Exact with alpha. Null where there is no WebGL, or the picture is larger than it takes. @param {ImageBitmap} bitmap */
function throughWebGl(bitmap) {
  const { width, height } = bitmap;
  const gl = /** @type {WebGL2RenderingContext | null} */ (canvas(1, 1).getContext("webgl2"));
  if (gl === null) return null;
  try {
    if (Math.max(width, height) > gl.getParameter(gl.MAX_TEXTURE_SIZE)) return null;
    gl.pixelStorei(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL, false);
    gl.pixelStorei(gl.UNPACK_COLORSPACE_CONVERSION_WEBGL, gl.NONE);
    gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, gl.RGBA, gl.UNSIGNED_BYTE, bitmap);
    gl.bindFramebuffer(gl.FRAMEBUFFER, gl.createFramebuffer());
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, gl.getParameter(gl.TEXTURE_BINDING_2D), 0);
    if (gl.checkFramebufferStatus(gl.FRAMEBUFFER) !== gl.FRAMEBUFFER_COMPLETE) return null;
    const rgba = new Uint8Array(width * height * 4);
    gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, rgba);
    return gl.getError() === gl.NO_ERROR ? rgba : null;
  } finally {
    // Browsers keep only a few contexts alive per page.
    gl.getExtension("WEBGL_lose_context")?.loseContext();
  }
}
