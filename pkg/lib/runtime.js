// @ts-check
// The WebAssembly instance. It traps when the crate panics: then every call under way on it fails with a typed
// error, and the next load starts a fresh instance.
import { Pali3Error } from "./errors.js";
import { resolveUrl } from "./request.js";

/** @typedef {typeof import("../wasm/pali3.js")} Bindings */

class Runtime {
  /** @type {Pali3Error | null} */
  failure = null;
  /** @type {(error: Pali3Error) => void} */
  #reject = () => {};
  /** @type {Promise<never>} */
  #failed;

  /** @type {() => void} */
  #died;

  /** @param {Bindings} bindings @param {() => void} died */
  constructor(bindings, died) {
    this.bindings = bindings;
    this.#died = died;
    this.#failed = new Promise((_, reject) => (this.#reject = reject));
    this.#failed.catch(() => {});
    // A trap without a panic (memory that ran out) in the middle of a future reaches nobody but the page.
    globalThis.addEventListener?.("error", this.#onError);
  }

  /** @param {ErrorEvent} event */
  #onError = (event) => {
    if (event.error instanceof WebAssembly.RuntimeError) this.fail(`WebAssembly stopped: ${event.error.message}`, event.error);
  };

  /** @param {string} message @param {unknown} [cause] */
  fail(message, cause) {
    if (this.failure) return;
    this.failure = new Pali3Error("Internal", `${message}; load the model again`, cause);
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
/** Whether the module has been fetched and compiled: after that, an instance costs next to nothing. */
let compiled = false;

/**
 * The page's instance, started at the first call and again after a failure.
 * @param {string | URL | undefined} wasmUrl
 * @returns {Promise<Runtime>}
 */
export function runtime(wasmUrl) {
  const key = wasmUrl === undefined ? "" : resolveUrl(wasmUrl, "option wasmUrl").href;
  if (current === null || current.dead) {
    /** @type {{key: string, ready: Promise<Runtime>, dead: boolean}} */
    const starting = { key, ready: Promise.reject(), dead: false };
    starting.ready.catch(() => {});
    starting.ready = start(key, () => (starting.dead = true));
    current = starting;
  } else if (key !== "" && key !== current.key) {
    throw new Pali3Error("InvalidOption", `option wasmUrl: this page already runs ${current.key || "the package's own module"}`);
  }
  return current.ready;
}

/**
 * @param {string} wasmUrl empty for the package's own
 * @param {() => void} died
 */
async function start(wasmUrl, died) {
  try {
    const bindings = await import("../wasm/pali3.js");
    if (compiled) await bindings.__wbg_reset_state();
    else await bindings.default(wasmUrl === "" ? undefined : { module_or_path: wasmUrl });
    compiled = true;
    const running = new Runtime(bindings, died);
    bindings.start((/** @type {string} */ message) => running.fail(`WebAssembly panicked: ${message}`));
    return running;
  } catch (cause) {
    died();
    throw new Pali3Error("Network", `${wasmUrl || "the package's WebAssembly module"}: ${/** @type {Error} */ (cause).message}`, cause);
  }
}
