// @ts-check
// The browser decodes a picture, and does nothing else to it: no colour management, no scaling, no blending.
// Everything that decides the numbers happens in the crate, as it does natively.
import { aborted, described, Pali3Error, throwIfAborted } from "./errors.js";
import { request, resolveUrl, statusError } from "./request.js";

/** @type {ImageBitmapOptions} */
const AS_STORED = { colorSpaceConversion: "none", premultiplyAlpha: "none", imageOrientation: "from-image" };

/** @typedef {{width: number, height: number, rgba: Uint8Array}} Pixels row-major, alpha not multiplied in */

/** @param {unknown} value @param {string} name of a class that this environment may lack */
function isA(value, name) {
  const known = /** @type {any} */ (globalThis)[name];
  return typeof known === "function" && value instanceof known;
}

/**
 * @param {any} input @param {AbortSignal | undefined} signal
 * @returns {Promise<Pixels>}
 */
export async function decode(input, signal) {
  throwIfAborted(signal);
  if (isA(input, "ImageData")) return fromImageData(input);
  if (isA(input, "ImageBitmap")) return readBack(input);

  let source = input;
  let what = "image";
  if (typeof input === "string" || isA(input, "URL")) {
    const url = resolveUrl(input, "image");
    const response = await request(url, { signal });
    if (!response.ok) throw statusError(url, response);
    try {
      source = await response.blob();
    } catch (cause) {
      if (signal?.aborted) throw aborted(cause);
      throw new Pali3Error("Network", `${url.href}: cut off`, cause);
    }
    what = `image ${url.protocol === "data:" ? "data: URL" : url.href}`;
  }

  if (isA(source, "Blob")) {
    what += ` (${source.size} bytes${source.type ? `, ${source.type}` : ""})`;
  } else if (isA(source, "HTMLImageElement")) {
    what += ` element ${source.currentSrc.startsWith("data:") ? "" : source.currentSrc}`.trimEnd();
  } else if (!isA(source, "HTMLCanvasElement") && !isA(source, "OffscreenCanvas")) {
    throw new Pali3Error(
      "InvalidInput",
      `image: expected a Blob, File, ImageBitmap, HTMLImageElement, HTMLCanvasElement, OffscreenCanvas, ImageData or URL, found ${described(input)}`,
    );
  }

  let bitmap;
  try {
    if (isA(source, "HTMLImageElement")) await source.decode();
    bitmap = await createImageBitmap(source, AS_STORED);
  } catch (cause) {
    throw new Pali3Error("InvalidInput", `${what}: not a picture that this browser can decode`, cause);
  }
  throwIfAborted(signal);
  try {
    return readBack(bitmap);
  } finally {
    bitmap.close();
  }
}

/** @param {ImageData} image @returns {Pixels} */
function fromImageData(image) {
  if (!(image.data instanceof Uint8ClampedArray)) {
    throw new Pali3Error("InvalidInput", "image: ImageData must hold 8-bit values (rgba-unorm8)");
  }
  return { width: image.width, height: image.height, rgba: new Uint8Array(image.data) };
}

/** @param {ImageBitmap} bitmap @returns {Pixels} */
function readBack(bitmap) {
  const { width, height } = bitmap;
  if (width === 0 || height === 0) {
    throw new Pali3Error("InvalidInput", `image: ${width} x ${height} pixels (an ImageBitmap that was closed is empty)`);
  }
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
  if (context === null) throw new Pali3Error("InvalidInput", `image: ${width} x ${height} pixels are more than this browser's canvas takes`);
  context.drawImage(bitmap, 0, 0);
  try {
    return new Uint8Array(context.getImageData(0, 0, width, height).data.buffer);
  } catch (cause) {
    throw new Pali3Error("InvalidInput", `image: its ${width} x ${height} pixels cannot be read (from another site, or too many)`, cause);
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
