// @ts-check
// A model folder that only the page can read: its function runs there, and each piece comes over.

/** @typedef {(method: string, args?: any, options?: any) => Promise<any>} Ask calls the thread that asked for the load */

/** Has the methods that the crate reads through. */
export class AskedFolder {
  #ask;
  #signal;

  /** @param {Ask} ask @param {AbortSignal} [signal] */
  constructor(ask, signal) {
    this.#ask = ask;
    this.#signal = signal;
  }

  /** @param {Ask} ask @param {(event: any) => void} progress @param {AbortSignal} [signal] */
  static async open(ask, progress, signal) {
    // This call lasts as long as the folder is open, and tells of what arrives.
    const open = new AbortController();
    const folder = new AskedFolder(ask, signal);
    folder.close = () => open.abort();
    await new Promise((ready) => {
      const onEvent = (/** @type {any} */ event) => (event === "open" ? ready(undefined) : progress(event));
      ask("source.open", undefined, { onEvent, signal: open.signal }).catch(() => ready(undefined));
    });
    return folder;
  }

  close = () => {};

  /** @param {string} file */
  describe(file) {
    return file;
  }

  /** @param {string} file */
  read(file) {
    return this.#ask("source.read", { file }, { signal: this.#signal });
  }

  /** @param {string} file */
  size(file) {
    return this.#ask("source.size", { file }, { signal: this.#signal });
  }

  /** @param {string} file @param {number} start @param {number} end */
  readRange(file, start, end) {
    return this.#ask("source.readRange", { file, start, end }, { signal: this.#signal });
  }
}
