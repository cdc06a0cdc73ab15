// @ts-check
import { described, InvalidInputError } from "../errors.js";

/** Numbers by which pictures are known on the thread that computes. */
let last = 0;

/**
 * What an encoded picture needs of the model that holds it.
 * @typedef {object} Holder
 * @property {(image: number) => Promise<any>} imageBytes
 * @property {(image: number) => void} releaseImage
 */

/** A picture as the model sees it: its visual tokens, where the model computes. Pali3.encodeImage makes it. */
export class EncodedImage {
  /** The model that holds it; null for one that was made of bytes, which any model may take in. @type {Holder | null} */
  #model;
  /** @type {Uint8Array<ArrayBuffer> | null} */
  #bytes;
  #disposed = false;

  /**
   * @internal
   * @param {number} id @param {{visualTokens: number, rows: number, columns: number}} grid
   * @param {Holder | null} model @param {Uint8Array<ArrayBuffer> | null} bytes
   */
  constructor(id, { visualTokens, rows, columns }, model, bytes) {
    /** @internal */
    this.id = id;
    this.visualTokens = visualTokens;
    this.rows = rows;
    this.columns = columns;
    this.#model = model;
    this.#bytes = bytes;
  }

  /** @internal A number for the next picture. */
  static nextId() {
    return ++last;
  }

  /** @param {any} input of Pali3.imageFromBytes */
  static fromBytes(input) {
    const bytes = input instanceof ArrayBuffer ? new Uint8Array(input.slice(0)) : input instanceof Uint8Array ? new Uint8Array(input) : null;
    if (bytes === null) throw new InvalidInputError(`image bytes: expected a Uint8Array or ArrayBuffer, found ${described(input)}`);
    return new EncodedImage(EncodedImage.nextId(), grid(bytes), null, bytes);
  }

  /** @internal What a model has to take in before it can use the picture. */
  get portable() {
    return this.#bytes;
  }

  /** @internal Throws where the picture cannot be used with the model. @param {Holder} model */
  check(model) {
    if (this.#disposed) throw new InvalidInputError("image: was disposed of");
    if (this.#model !== null && this.#model !== model) {
      throw new InvalidInputError("image: was encoded by another model; Pali3.imageFromBytes(await image.toBytes()) fits any with the same vision tower");
    }
  }

  async toBytes() {
    if (this.#disposed) throw new InvalidInputError("image: was disposed of");
    return this.#bytes?.slice() ?? /** @type {Holder} */ (this.#model).imageBytes(this.id);
  }

  dispose() {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#bytes = null;
    this.#model?.releaseImage(this.id);
  }

  [Symbol.dispose]() {
    this.dispose();
  }
}
// Where there is no Symbol.dispose yet, the method above has the name "undefined".
if (Symbol.dispose === undefined) Reflect.deleteProperty(EncodedImage.prototype, "undefined");

/** The format is described in the crate's image_bytes.rs, which checks the rest. @param {Uint8Array<ArrayBuffer>} bytes */
function grid(bytes) {
  const magic = new TextDecoder().decode(bytes.subarray(0, 8));
  if (bytes.length < 32 || magic !== "pali3img") {
    throw new InvalidInputError(`image bytes: expected what image.toBytes() gave, found ${bytes.length} other bytes`);
  }
  const view = new DataView(bytes.buffer);
  const [rows, columns, hidden] = [12, 16, 20].map((at) => view.getUint32(at, true));
  const expected = 32 + 4 * rows * columns * hidden;
  if (bytes.length !== expected) throw new InvalidInputError(`image bytes: expected ${expected} of them, found ${bytes.length}`);
  return { visualTokens: rows * columns, rows, columns };
}
