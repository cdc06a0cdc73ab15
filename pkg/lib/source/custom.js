// @ts-check
import { described, InvalidInputError } from "../errors.js";

/** @typedef {import("./stream.js").ByteRange} ByteRange */

/** A model folder that the caller's own function answers for. @implements {Transport} @typedef {import("./stream.js").Transport} Transport */
export class CustomFolder {
  #ask;

  /** @param {(file: string, range: ByteRange | undefined, signal: AbortSignal) => Promise<Response | null> | Response | null} ask */
  constructor(ask) {
    this.#ask = ask;
  }

  /** @param {string} file */
  describe(file) {
    return file;
  }

  /** @param {string} file @param {ByteRange | undefined} range @param {AbortSignal} signal */
  async get(file, range, signal) {
    /** @type {any} */
    const response = await this.#ask(file, range && { ...range }, signal);
    if (response === null) return null;
    if (typeof response?.status !== "number" || typeof response.headers?.get !== "function") {
      throw new InvalidInputError(`source(${JSON.stringify(file)}): expected a Response or null, found ${described(response)}`);
    }
    if (response.bodyUsed || response.body?.locked) {
      throw new InvalidInputError(`source(${JSON.stringify(file)}): the body of this Response has been read already`);
    }
    return /** @type {Response} */ (response);
  }
}
