// @ts-check
import { described, InvalidInputError } from "../errors.js";

/** Numbers by which pictures are known on the thread that computes. */
let last = 0;

/**
 * What an encoded picture needs of a model that holds it.
 * @typedef {object} Holder
 * @property {(image: number) => Promise<any>} imageBytes
 * @property {(image: number) => void} releaseImage
 */

/** A picture as the model sees it: its visual tokens, where the model computes. Pali3.encodeImage makes it. */
export class EncodedImage {
  /** The model that has encoded it; null for one that was made of bytes, which any model may take in. @type {Holder | null} */
  #model;
  /** The worker, or what stands for it, in which that was. @type {object | null} */
  #place;
  /** @type {Uint8Array<ArrayBuffer> | null} */
  #bytes;
  /** Models that hold it, or will once a call that is under way has come to them. @type {Set<Holder>} */
  #holders = new Set();
  #disposed = false;

  /**
   * @internal
   * @param {number} id @param {{visualTokens: number, rows: number, columns: number}} grid
   * @param {{model: Holder, place: object} | null} home @param {Uint8Array<ArrayBuffer> | null} bytes
   */
  constructor(id, { visualTokens, rows, columns }, home, bytes) {
    /** @internal */
    this.id = id;
    this.visualTokens = visualTokens;
    this.rows = rows;
    this.columns = columns;
    this.#model = home?.model ?? null;
    this.#place = home?.place ?? null;
    this.#bytes = bytes;
    if (home !== null) this.#holders.add(home.model);
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

  /**
   * @internal Throws where the picture cannot be used with the model.
   * @param {Holder} model @param {object | null} place where the model works now
   */
  check(model, place) {
    if (this.#disposed) throw new InvalidInputError("image: was disposed of");
    if (this.#model === null) return;
    if (this.#model !== model) {
      throw new InvalidInputError("image: was encoded by another model; Pali3.imageFromBytes(await image.toBytes()) fits any with the same vision tower");
    }
    if (this.#place !== place) throw new InvalidInputError("image: is gone with the worker that held it; encode it again");
  }

  /** @internal Notes who has to be told when it is disposed of. Whether that is news. @param {Holder} model */
  heldBy(model) {
    if (this.#holders.has(model)) return false;
    this.#holders.add(model);
    return true;
  }

  async toBytes() {
    if (this.#disposed) throw new InvalidInputError("image: was disposed of");
    return this.#bytes?.slice() ?? /** @type {Holder} */ (this.#model).imageBytes(this.id);
  }

  dispose() {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#bytes = null;
    for (const model of this.#holders) model.releaseImage(this.id);
    this.#holders.clear();
  }

  [Symbol.dispose]() {
    this.dispose();
  }
}
// Where there is no Symbol.dispose yet, the method above has the name "undefined".
if (Symbol.dispose === undefined) Reflect.deleteProperty(EncodedImage.prototype, "undefined");

/**
 * What the page has to know of a picture in bytes. The format is the crate's (image_bytes.rs), which checks the rest where
 * the picture is used.
 * @param {Uint8Array<ArrayBuffer>} bytes
 */
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
