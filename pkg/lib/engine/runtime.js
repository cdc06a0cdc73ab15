// @ts-check
// The WebAssembly instances, one for each kind of device: a visitor fetches the module of the one that is needed.
// An instance traps when the crate panics: then every call under way on it fails with a typed error, and the next load
// starts a fresh one.
import * as cpu from "../../wasm/pali3_cpu.js";
import * as webgpu from "../../wasm/pali3_webgpu.js";
import { InternalError, InvalidOptionError, NetworkError, OutOfMemoryError, Pali3Error } from "../errors.js";
import { leftBehind } from "../prebundled.js";

/** What WebAssembly can address is 4 GB; an instance that stops this near to it has run out. */
const FULL = 0.95 * 2 ** 32;

/** The generated bindings of each module: the calls are the same. @typedef {typeof cpu} Bindings */

/** @typedef {"cpu" | "webgpu"} Device */

export class Runtime {
  /** @type {Pali3Error | null} */
  failure = null;
  /** @type {(error: Pali3Error) => void} */
  #reject = () => {};
  /** @type {Promise<never>} */
  #failed;
  #memory;
  #died;
  /** Calls under way. */
  #calls = 0;
  /** How stack traces here name the module; null as long as that is not known. @type {string | null} */
  #name = null;

  /** @param {Bindings} bindings @param {WebAssembly.Memory} memory @param {() => void} died */
  constructor(bindings, memory, died) {
    this.bindings = bindings;
    this.#memory = memory;
    this.#died = died;
    this.#failed = new Promise((_, reject) => (this.#reject = reject));
    this.#failed.catch(() => {});
    // A trap without a panic (memory that ran out) in the middle of a future reaches nobody but the thread.
    globalThis.addEventListener?.("error", this.#onError);
  }

  /** @param {ErrorEvent} event */
  #onError = (event) => {
    if (!this.#isOurs(event.error)) return;
    event.preventDefault();
    this.fail(`WebAssembly stopped: ${event.error.message}`, event.error);
  };

  /**
   * Whether an error that reached nobody stopped this instance: the thread may run other modules as well.
   * @param {unknown} error
   */
  #isOurs(error) {
    if (!(error instanceof WebAssembly.RuntimeError) || this.#calls === 0) return false;
    const name = moduleIn(error.stack);
    // Where one of them is not known, as in browsers whose stack traces name no modules, the call under way decides.
    return name === null || this.#name === null || name === this.#name;
  }

  /**
   * The reader that the module is given, which learns from the module's first call how stack traces name it.
   * @param {any} folder
   */
  seenBy(folder) {
    const call = (/** @type {string} */ method) => (/** @type {any[]} */ ...args) => {
      this.#name ??= moduleIn(new Error().stack);
      return folder[method](...args);
    };
    return { describe: call("describe"), read: call("read"), size: call("size"), readRange: call("readRange") };
  }

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
    this.#calls += 1;
    try {
      return await Promise.race([Promise.resolve(work()), this.#failed]);
    } catch (thrown) {
      if (thrown instanceof WebAssembly.RuntimeError) this.fail(`WebAssembly stopped: ${thrown.message}`, thrown);
      throw this.failure ?? Pali3Error.from(thrown);
    } finally {
      this.#calls -= 1;
    }
  }
}

/** The module of the uppermost WebAssembly frame in a stack trace, as browsers but Safari name it. @param {string | undefined} stack */
function moduleIn(stack) {
  return /([^\s(@]+):wasm-function\[/.exec(stack ?? "")?.[1] ?? null;
}

/**
 * A module: its bindings, where they would find it, and what runs of it.
 * @typedef {object} Module
 * @property {Bindings} bindings
 * @property {string} file
 * @property {() => URL} beside in the one form that bundlers know
 * @property {{address: string, ready: Promise<Runtime>, dead: boolean} | null} current
 * @property {WebAssembly.Memory | null} memory once it has been fetched and compiled: after that, an instance costs next to nothing
 */

/** @type {Record<Device, Module>} */
const MODULES = {
  cpu: {
    bindings: cpu,
    file: "pali3_cpu_bg.wasm",
    beside: () => new URL("../../wasm/pali3_cpu_bg.wasm", import.meta.url),
    current: null,
    memory: null,
  },
  webgpu: {
    bindings: /** @type {any} */ (webgpu),
    file: "pali3_webgpu_bg.wasm",
    beside: () => new URL("../../wasm/pali3_webgpu_bg.wasm", import.meta.url),
    current: null,
    memory: null,
  },
};

/**
 * The thread's instance for a device, started at the first call and again after a failure.
 * @param {Device} device
 * @param {Partial<Record<Device, string>>} wasmUrls addresses that are not the package's own
 * @returns {Promise<Runtime>}
 */
export function runtime(device, wasmUrls) {
  const module = MODULES[device];
  const address = wasmUrls[device] ?? "";
  if (module.current === null || module.current.dead) {
    /** @type {{address: string, ready: Promise<Runtime>, dead: boolean}} */
    const starting = { address, ready: Promise.reject(), dead: false };
    starting.ready.catch(() => {});
    starting.ready = start(module, address, () => (starting.dead = true));
    module.current = starting;
  } else if (address !== "" && address !== module.current.address) {
    throw new InvalidOptionError(`option wasmUrl: this thread already runs ${module.current.address || "the package's own module"}`);
  }
  return module.current.ready;
}

/**
 * @param {Module} module
 * @param {string} address empty for the package's own
 * @param {() => void} died
 */
async function start(module, address, died) {
  const { bindings } = module;
  try {
    if (module.memory !== null) await bindings.__wbg_reset_state();
    const exports = await (module.memory === null ? bindings.default(content(module, address)) : bindings.default());
    module.memory = exports.memory;
    const running = new Runtime(bindings, exports.memory, died);
    bindings.start((/** @type {string} */ message) => running.fail(`WebAssembly panicked: ${message}`));
    return running;
  } catch (cause) {
    died();
    const where = address || `the package's WebAssembly module ${module.file}`;
    const what = `${where}: ${/** @type {Error} */ (cause).message}`;
    throw new NetworkError(`${what} (option wasmUrl says where it is, if not beside the package's files)`, cause);
  }
}

/**
 * What the bindings' own start takes. Node's fetch reads no files: there, the file system does.
 * @param {Module} module @param {string} address
 */
function content({ beside, file }, address) {
  const url = address === "" ? beside() : new URL(address);
  const files = /** @type {any} */ (globalThis).process?.getBuiltinModule?.("node:fs");
  if (files !== undefined && typeof document === "undefined" && url.protocol === "file:") {
    return { module_or_path: files.promises.readFile(url) };
  }
  // Without an address, the bindings take the file beside them, wherever a bundler has put both.
  const known = address || leftBehind(url, `wasm/${file}`);
  return known ? { module_or_path: known } : undefined;
}
