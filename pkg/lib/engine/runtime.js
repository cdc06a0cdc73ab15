// @ts-check
// The WebAssembly instance. It traps when the crate panics: then every call under way on it fails with a typed
// error, and the next load starts a fresh instance.
import * as bindings from "../../wasm/pali3.js";
import { InternalError, InvalidOptionError, NetworkError, OutOfMemoryError, Pali3Error } from "../errors.js";
import { leftBehind } from "../prebundled.js";

/** What WebAssembly can address is 4 GB; an instance that stops this near to it has run out. */
const FULL = 0.95 * 2 ** 32;

export class Runtime {
  bindings = bindings;
  /** @type {Pali3Error | null} */
  failure = null;
  /** @type {(error: Pali3Error) => void} */
  #reject = () => {};
  /** @type {Promise<never>} */
  #failed;
  #memory;
  #died;

  /** @param {WebAssembly.Memory} memory @param {() => void} died */
  constructor(memory, died) {
    this.#memory = memory;
    this.#died = died;
    this.#failed = new Promise((_, reject) => (this.#reject = reject));
    this.#failed.catch(() => {});
    // A trap without a panic (memory that ran out) in the middle of a future reaches nobody but the thread.
    globalThis.addEventListener?.("error", this.#onError);
  }

  /** @param {ErrorEvent} event */
  #onError = (event) => {
    if (!(event.error instanceof WebAssembly.RuntimeError)) return;
    event.preventDefault();
    this.fail(`WebAssembly stopped: ${event.error.message}`, event.error);
  };

  /** @param {string} message @param {unknown} [cause] */
  fail(message, cause) {
    if (this.failure) return;
    const full = this.#memory.buffer.byteLength > FULL;
    this.failure = full ? new OutOfMemoryError(`WebAssembly's memory is full (${message})`, cause) : new InternalError(message, cause);
    globalThis.removeEventListener?.("error", this.#onError);
    this.#died();
    this.#reject(this.failure);
  }

  /**
   * Runs a call into WebAssembly. A future that panics never settles, so the call races with the instance's failure.
   * @template T
   * @param {() => T | Promise<T>} work
   * @returns {Promise<T>}
   */
  async call(work) {
    if (this.failure) throw this.failure;
    try {
      return await Promise.race([Promise.resolve(work()), this.#failed]);
    } catch (thrown) {
      if (thrown instanceof WebAssembly.RuntimeError) this.fail(`WebAssembly stopped: ${thrown.message}`, thrown);
      throw this.failure ?? Pali3Error.from(thrown);
    }
  }
}

/** @type {{key: string, ready: Promise<Runtime>, dead: boolean} | null} */
let current = null;
/** Memory of the module, once it has been fetched and compiled: after that, an instance costs next to nothing. @type {WebAssembly.Memory | null} */
let memory = null;

/**
 * The thread's instance, started at the first call and again after a failure.
 * @param {string | undefined} wasmUrl
 * @returns {Promise<Runtime>}
 */
export function runtime(wasmUrl) {
  const key = wasmUrl ?? "";
  if (current === null || current.dead) {
    /** @type {{key: string, ready: Promise<Runtime>, dead: boolean}} */
    const starting = { key, ready: Promise.reject(), dead: false };
    starting.ready.catch(() => {});
    starting.ready = start(key, () => (starting.dead = true));
    current = starting;
  } else if (key !== "" && key !== current.key) {
    throw new InvalidOptionError(`option wasmUrl: this thread already runs ${current.key || "the package's own module"}`);
  }
  return current.ready;
}

/**
 * @param {string} wasmUrl empty for the package's own
 * @param {() => void} died
 */
async function start(wasmUrl, died) {
  try {
    if (memory !== null) await bindings.__wbg_reset_state();
    const exports = await (memory === null ? bindings.default(module(wasmUrl)) : bindings.default());
    memory = exports.memory;
    const running = new Runtime(memory, died);
    bindings.start((/** @type {string} */ message) => running.fail(`WebAssembly panicked: ${message}`));
    return running;
  } catch (cause) {
    died();
    const where = wasmUrl || "the package's WebAssembly module pali3_bg.wasm";
    const what = `${where}: ${/** @type {Error} */ (cause).message}`;
    throw new NetworkError(`${what} (option wasmUrl says where it is, if not beside the package's files)`, cause);
  }
}

/**
 * What the bindings' own start takes. Node's fetch reads no files: there, the file system does.
 * @param {string} wasmUrl
 */
function module(wasmUrl) {
  const url = wasmUrl === "" ? new URL("../../wasm/pali3_bg.wasm", import.meta.url) : new URL(wasmUrl);
  const files = /** @type {any} */ (globalThis).process?.getBuiltinModule?.("node:fs");
  if (files !== undefined && typeof document === "undefined" && url.protocol === "file:") {
    return { module_or_path: files.promises.readFile(url) };
  }
  // Without an address, the bindings take the file beside them, wherever a bundler has put both.
  const known = wasmUrl || leftBehind(url, "wasm/pali3_bg.wasm");
  return known ? { module_or_path: known } : undefined;
}
