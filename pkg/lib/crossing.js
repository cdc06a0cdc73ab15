// @ts-check
// What of a picture goes from the page to the thread that decodes it.

/** As stored: no colour management, no blending, turned the way the camera was held. @type {ImageBitmapOptions} */
export const AS_STORED = { colorSpaceConversion: "none", premultiplyAlpha: "none", imageOrientation: "from-image" };

/**
 * @typedef {{kind: "url", href: string}
 *   | {kind: "blob", blob: Blob}
 *   | {kind: "bitmap", bitmap: ImageBitmap, what: string}
 *   | {kind: "pixels", width: number, height: number, rgba: Uint8Array<ArrayBuffer>}} Crossing
 */

/**
 * A picture that a call is about: one that the other side holds under a number (with its bytes, where it may not hold it
 * yet), or one to be encoded for this call alone.
 * @typedef {{image: number, bytes?: Uint8Array<ArrayBuffer>} | {input: Crossing}} Given
 */
