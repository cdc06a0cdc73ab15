// @ts-check
// PaLI-3 in the browser: a picture and a question in, text out. Types and documentation are in index.d.ts.
import { chosenDevice, webGpuAdapter } from "./lib/device.js";
import { aborted, Pali3Error, throwIfAborted } from "./lib/errors.js";
import { Generation } from "./lib/generation.js";
import { checked, dtypeText, ENCODE_OPTIONS, GENERATE_OPTIONS, generationOptions, LOAD_OPTIONS } from "./lib/options.js";
import { decode } from "./lib/picture.js";
import { runtime } from "./lib/runtime.js";
import { openSource } from "./lib/source/open.js";

export { Pali3Error };

/** What encodeImage gives: the picture's visual tokens, on the model's device. */
export class EncodedImage {
  /** @internal @param {any} handle @param {Pali3} model */
  constructor(handle, model) {
    this.handle = handle;
    this.model = model;
    /** @type {number} */
    this.visualTokens = handle.visualTokens;
  }

  /** Frees the device's memory at once; garbage collection does it later. */
  dispose() {
    if (this.handle !== null && !this.model.failed) this.handle.free();
    this.handle = null;
  }
}

export class Pali3 {
  #runtime;
  /** @type {any} the crate's model, null once disposed of */
  #handle;
  /** Calls wait for the one before: the device has one set of buffers. @type {Promise<unknown>} */
  #last = Promise.resolve();

  /** @internal Use Pali3.load. @param {any} running @param {any} handle */
  constructor(running, handle) {
    this.#runtime = running;
    this.#handle = handle;
    /** @type {"webgpu" | "cpu"} */
    this.device = handle.device;
    this.info = Object.freeze(JSON.parse(handle.info));
  }

  /** What this browser can do. */
  static async isSupported() {
    const wasm = typeof WebAssembly === "object" && simd();
    const adapter = wasm ? await webGpuAdapter() : null;
    return { supported: wasm, webgpu: adapter !== null, softwareAdapter: adapter?.software ?? false };
  }

  /**
   * @param {any} source @param {any} [options]
   * @returns {Promise<Pali3>}
   */
  static async load(source, options) {
    const { device = "auto", dtype = "auto", onProgress, signal, wasmUrl } = checked(LOAD_OPTIONS, options);
    throwIfAborted(signal);
    /** @param {any} event */
    const progress = (event) => {
      // A caller's faulty callback must not end the load, nor go unseen.
      try {
        onProgress?.(event);
      } catch (error) {
        globalThis.reportError?.(error);
      }
    };
    const folder = openSource(source, { signal, progress });
    try {
      const running = await runtime(wasmUrl);
      const chosen = await chosenDevice(device);
      throwIfAborted(signal);
      const handle = await running.call(() => running.bindings.load(folder, chosen.device, chosen.software, dtypeText(dtype), progress));
      if (signal?.aborted) {
        handle.dispose();
        throw aborted(signal.reason);
      }
      progress({ phase: "ready", file: "", loaded: 1, total: 1 });
      return new Pali3(running, handle);
    } finally {
      folder.close();
    }
  }

  /** @internal Whether the WebAssembly instance is gone, and its objects with it. */
  get failed() {
    return this.#runtime.failure !== null;
  }

  /** Runs `work` after all earlier calls. @template T @param {(handle: any) => Promise<T>} work @returns {Promise<T>} */
  #queued(work) {
    const mine = this.#last.then(() => {
      if (this.#handle === null) throw new Pali3Error("InvalidInput", "model: was disposed of");
      return work(this.#handle);
    });
    this.#last = mine.catch(() => {});
    return mine;
  }

  /** @param {any} input @param {any} [options] */
  async encodeImage(input, options) {
    const { signal } = checked(ENCODE_OPTIONS, options);
    // Decoded at once: the caller may change or close the picture right after.
    const decoding = decode(input, signal);
    decoding.catch(() => {});
    return this.#queued(async (handle) => {
      const { width, height, rgba } = await decoding;
      throwIfAborted(signal);
      const encoded = await this.#runtime.call(() => handle.encodeImage(rgba, width, height));
      const image = new EncodedImage(encoded, this);
      if (signal?.aborted) {
        image.dispose();
        throw aborted(signal.reason);
      }
      return image;
    });
  }

  /** @param {any} [options] */
  generate(options) {
    return new Generation(async (sink) => {
      const { image, prompt = "", signal, ...rest } = checked(GENERATE_OPTIONS, options);
      const encoded = this.#encoded(image);
      return this.#queued((handle) =>
        sink.run(this.#runtime, signal, () => handle.generate(encoded()?.share(), prompt, JSON.stringify(generationOptions(rest)))),
      );
    });
  }

  /**
   * Checks an image that generate was given. What comes back gives its handle, when the call's turn has come.
   * @param {any} image
   */
  #encoded(image) {
    if (image === undefined || image === null) return () => undefined;
    if (!(image instanceof EncodedImage)) throw new Pali3Error("InvalidInput", "image: expected what model.encodeImage() gives");
    if (image.model !== this) throw new Pali3Error("InvalidInput", "image: was encoded by another model");
    const handle = () => {
      if (image.handle === null) throw new Pali3Error("InvalidInput", "image: was disposed of");
      return image.handle;
    };
    handle();
    return handle;
  }

  /** Bytes that are held now. */
  memory() {
    if (this.#handle === null) throw new Pali3Error("InvalidInput", "model: was disposed of");
    if (this.failed) throw this.#runtime.failure;
    return JSON.parse(this.#handle.memory());
  }

  /** Frees the model's memory once the calls under way are done. */
  async dispose() {
    await this.#last;
    const handle = this.#handle;
    this.#handle = null;
    if (handle !== null && !this.failed) await this.#runtime.call(() => handle.dispose());
  }
}

/** Whether WebAssembly has SIMD here: the smallest module with one vector instruction in it. */
function simd() {
  return WebAssembly.validate(
    new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11]),
  );
}
