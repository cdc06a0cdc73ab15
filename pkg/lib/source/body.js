// @ts-check
// The body of one answer, read forward. It holds one chunk as it came from the network, and no more: the rest waits
// at the server, as nobody asks the stream for it.
import { IntegrityError, InvalidInputError, throwIfAborted } from "../errors.js";
import { Interruption } from "./retry.js";

export class Body {
  /** @type {ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>> | undefined} */
  #reader;
  /** What is left of the last chunk. @type {Uint8Array<ArrayBuffer> | null} */
  #rest = null;

  /**
   * @param {string} what for messages
   * @param {Response} response
   * @param {number} position byte of the file at which the body starts
   * @param {number | null} until byte of the file at which it has to end, if that is known
   * @param {boolean} last whether its end is the end of the file
   * @param {AbortSignal} signal
   */
  constructor(what, response, position, until, last, signal) {
    this.what = what;
    this.start = position;
    this.position = position;
    this.until = until;
    this.last = last;
    this.signal = signal;
    this.#reader = response.body?.getReader();
    // Also when nobody reads: a stream that is kept for the next piece holds a connection.
    signal.addEventListener("abort", this.close);
  }

  /** Bytes that are in memory beside what `next` has given. */
  get held() {
    return this.#rest?.length ?? 0;
  }

  /** Whether all announced bytes have come. */
  get complete() {
    return this.until !== null && this.position === this.until;
  }

  /** @returns {Promise<Uint8Array<ArrayBuffer> | null>} null at the end */
  async #chunk() {
    let result;
    try {
      result = await this.#reader?.read();
    } catch (cause) {
      throwIfAborted(this.signal);
      throw new Interruption(`${this.what}: cut off: ${/** @type {Error} */ (cause)?.message ?? cause}`, cause);
    }
    // A cancelled stream ends as a complete one does.
    throwIfAborted(this.signal);
    if (result === undefined || result.done) return null;
    if (!(result.value instanceof Uint8Array)) {
      throw new InvalidInputError(`${this.what}: expected a body of bytes, found a chunk of another type`);
    }
    if (this.until !== null && this.position + result.value.length > this.until) {
      throw new IntegrityError(`${this.what}: more bytes came than the ${this.until - this.start} that belong there`);
    }
    return result.value;
  }

  /**
   * The next bytes of the file that lie in `at..end`, or null when the body is at its end. What lies before `at` is skipped.
   * @param {number} at @param {number} end
   */
  async next(at, end) {
    while (!this.complete) {
      const chunk = this.#rest ?? (await this.#chunk());
      this.#rest = null;
      if (chunk === null) {
        if (this.until === null) return null;
        throw new Interruption(`${this.what}: cut off ${this.until - this.position} bytes before the end`);
      }
      const from = Math.min(at - this.position, chunk.length);
      const to = Math.min(end - this.position, chunk.length);
      this.position += to;
      if (to < chunk.length) this.#rest = chunk.subarray(to);
      if (from < to) return chunk.subarray(from, to);
    }
    return null;
  }

  /** Closes a complete body in a way that leaves its connection for the next request. */
  async finish() {
    try {
      let chunk;
      do chunk = await this.#chunk();
      while (chunk?.length === 0);
    } catch (thrown) {
      // Every byte is here: how the connection ends does not matter.
      if (!(thrown instanceof Interruption)) throw thrown;
    } finally {
      this.close();
    }
  }

  /** Ends the download, however far it is. */
  close = () => {
    this.signal.removeEventListener("abort", this.close);
    this.#rest = null;
    this.#reader?.cancel().catch(() => {});
  };
}
