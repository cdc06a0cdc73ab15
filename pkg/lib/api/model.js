// @ts-check
// The model as a page holds it. It computes on the other side of a link; types and documentation are in index.d.ts.
import { webGpuAdapter } from "../adapter.js";
import { AbortedError, InvalidInputError, throwIfAborted, UnsupportedModelError } from "../errors.js";
import { folderUrl, resolveUrl } from "../request.js";
import { follow, untilAborted } from "../source/waiting.js";
import { cache } from "./cache.js";
import { connect } from "./connect.js";
import { gazes } from "./gaze.js";
import { EncodedImage } from "./image.js";
import { crossing, given, listed } from "./input.js";
import { ATTENTION_OPTIONS, checked, dtypeText, GENERATE_OPTIONS, LOAD_OPTIONS, SCORE_OPTIONS, SIGNAL } from "./options.js";
import { similarity } from "./similarity.js";
import { crossingSource } from "./source.js";
import { GenerationStream } from "./stream.js";

/**
 * Connects to a thread that computes, and loads the model there.
 * @typedef {(options: {signal?: AbortSignal, onEvent?: (event: any) => void}) => Promise<{link: import("./connect.js").Link, loaded: any}>} Start
 */

export class Pali3 {
  static cache = cache;

  /** @type {import("./connect.js").Link} */
  #link;
  /** @type {Start} */
  #start;
  /** @type {any} */
  #info;
  #disposed = false;
  /** Settles when all calls so far have been handed over: their order there is the order in which they were made. @type {Promise<unknown>} */
  #handed = Promise.resolve();
  /** Pictures made of bytes, and the link to the side that has taken them in. @type {WeakMap<EncodedImage, import("./connect.js").Link>} */
  #adopted = new WeakMap();
  /** Frees pictures that nobody holds any more. */
  #forgotten = new FinalizationRegistry((/** @type {number} */ image) => this.releaseImage(image));

  /** @internal Use Pali3.load. @param {{link: import("./connect.js").Link, loaded: any}} started @param {Start} start */
  constructor({ link, loaded: { device, info, cached } }, start) {
    this.#link = link;
    this.#start = start;
    this.#info = info;
    /** @type {"webgpu" | "cpu"} */
    this.device = device;
    this.info = Object.freeze(info);
    /** @type {boolean} */
    this.cached = cached;
    this.worker = link.worker;
  }

  /** What this browser can do. */
  static async isSupported() {
    const wasm = typeof WebAssembly === "object" && simd();
    const adapter = wasm ? await webGpuAdapter() : null;
    return { supported: wasm, webgpu: adapter !== null, softwareAdapter: adapter?.software ?? false };
  }

  /** @param {any} bytes */
  static imageFromBytes(bytes) {
    return EncodedImage.fromBytes(bytes);
  }

  /**
   * @param {any} source @param {any} [options]
   * @returns {Promise<Pali3>}
   */
  static async load(source, options) {
    const given = checked(LOAD_OPTIONS, options);
    const { device = "auto", dtype = "auto", cache = "opfs", worker, workerUrl, onProgress, signal } = given;
    throwIfAborted(signal);
    const wasmUrls = moduleUrls(given.wasmUrl);
    const { source: crossed, handlers } = crossingSource(source);
    /** @param {any} event */
    const onEvent = (event) => {
      // A caller's faulty callback must not end the load, nor go unseen.
      try {
        if (!signal?.aborted) onProgress?.(event);
      } catch (error) {
        globalThis.reportError?.(error);
      }
    };
    const stop = (/** @type {import("./connect.js").Link} */ link) => link.end(new AbortedError("aborted by the caller"));
    const plan = { source: crossed, device, dtype: dtypeText(dtype), cache, wasmUrls };
    /** @type {Start} */
    const start = async (options) => {
      const connecting = connect(handlers, { worker, workerUrl });
      const link = await (options.signal ? untilAborted(connecting, options.signal, stop) : connecting);
      try {
        return { link, loaded: await link.channel.call("load", plan, options) };
      } catch (error) {
        stop(link);
        throw error;
      }
    };
    return new Pali3(await start({ onEvent, signal }), start);
  }

  /**
   * Hands a call over, after all earlier ones.
   * @param {string} method
   * @param {() => any} prepare gives `{args, transfer}`, now or later
   * @param {{signal?: AbortSignal, onEvent?: (event: any) => void}} [options]
   */
  async #call(method, prepare, options = {}) {
    throwIfAborted(options.signal);
    if (this.#disposed) throw new InvalidInputError("model: was disposed of");
    const prepared = Promise.resolve(prepare());
    const mine = Promise.allSettled([this.#handed, prepared]).then(async () => {
      const { args, transfer } = await prepared;
      // Its worker has ended: the model starts anew in another.
      if (this.#link.lost) this.#link = (await this.#start({ signal: options.signal })).link;
      return { result: this.#link.channel.call(method, args, { ...options, transfer }) };
    });
    this.#handed = mine.then(
      ({ result }) => void result.catch(() => {}),
      () => {},
    );
    return (await mine).result;
  }

  /** @param {any} input @param {any} [options] */
  async encodeImage(input, options) {
    const { signal } = checked(SIGNAL, options);
    const id = EncodedImage.nextId();
    try {
      const grid = await this.#call("encodeImage", () => crossing(input, signal).then((crossed) => at({ image: id, input: crossed.input }, crossed.transfer)), {
        signal,
      });
      const image = new EncodedImage(id, grid, { model: this, place: this.#link }, null);
      this.#forgotten.register(image, id);
      return image;
    } catch (error) {
      // It may have been encoded all the same.
      this.releaseImage(id);
      throw error;
    }
  }

  /** @internal @param {number} image */
  imageBytes(image) {
    return this.#call("imageBytes", () => at({ image }));
  }

  /** @internal @param {number} image */
  releaseImage(image) {
    if (!this.#disposed) void this.#handed.then(() => this.#link.channel.tell("releaseImage", { image }));
  }

  /**
   * Hands over a call about pictures and a prompt.
   * @param {string} method @param {any} question `{image, images, prompt, signal}`, checked
   * @param {object} more of its arguments @param {(event: any) => void} [onEvent]
   */
  async #ask(method, { image, images, prompt = "", signal }, more, onEvent) {
    const pictures = listed(image, images);
    const encoded = pictures.map(({ value }) => value).filter((value) => value instanceof EncodedImage);
    for (const one of encoded) {
      one.check(this, this.#link.lost ? null : this.#link);
      if (one.heldBy(this)) this.#forgotten.register(one, one.id);
    }
    const held = (/** @type {EncodedImage} */ one) => !this.#link.lost && this.#adopted.get(one) === this.#link;
    const prepare = async () => {
      const crossed = await Promise.all(pictures.map((picture) => given(picture, held, signal)));
      return at({ ...more, prompt, images: crossed.map(({ given }) => given) }, crossed.flatMap(({ transfer }) => transfer));
    };
    const result = await this.#call(method, prepare, { signal, onEvent });
    // Not before: a call that has failed may not have arrived.
    for (const one of encoded) this.#adopted.set(one, this.#link);
    return result;
  }

  /** @param {any} [options] */
  generate(options) {
    return this.#generate(options);
  }

  /** @param {any} [options] */
  stream(options) {
    return new GenerationStream((onPieces, left) => this.#generate(options, onPieces, left));
  }

  /** @param {any} options @param {(pieces: any[]) => void} [onPieces] @param {AbortSignal} [left] */
  async #generate(options, onPieces, left) {
    const { image, images, prompt, signal, ...rest } = checked(GENERATE_OPTIONS, options);
    const either = new AbortController();
    const unfollow = [follow(either, signal), follow(either, left)];
    try {
      return await this.#ask("generate", { image, images, prompt, signal: either.signal }, { options: rest }, onPieces);
    } finally {
      for (const stop of unfollow) stop();
    }
  }

  /** @param {any} options */
  async score(options) {
    const { targets = [], ...question } = checked(SCORE_OPTIONS, options);
    return this.#ask("score", question, { targets: [...targets] });
  }

  /** @param {any} options */
  async attention(options) {
    const { tokenIds = [], ...question } = checked(ATTENTION_OPTIONS, options);
    return gazes(await this.#ask("attention", question, { tokenIds: [...tokenIds] }), tokenIds);
  }

  /** @param {any} given @param {any} [options] */
  async embed(given, options) {
    const { signal } = checked(SIGNAL, options);
    const inputs = Array.isArray(given) ? given : [given];
    const texts = inputs.filter((one) => typeof one === "string");
    if (texts.length > 0 && texts.length < inputs.length) {
      throw new InvalidInputError("embed: expected texts or pictures, found both; a picture's address has to be a URL object");
    }
    const prepare = async () => {
      if (texts.length > 0) return at({ texts });
      const crossed = await Promise.all(inputs.map((input) => crossing(input, signal)));
      return at({ inputs: crossed.map(({ input }) => input) }, crossed.flatMap(({ transfer }) => transfer));
    };
    const vectors = inputs.length === 0 ? [] : await this.#call("embed", prepare, { signal });
    return Array.isArray(given) ? vectors : vectors[0];
  }

  /** @param {any} images @param {any} texts */
  similarity(images, texts) {
    if (!this.#info.embeddings) throw new UnsupportedModelError("similarity: this checkpoint has no text tower of SigLIP's");
    return similarity(this.#info, images, texts);
  }

  warmup() {
    return this.#call("warmup", () => at({}));
  }

  selfTest() {
    return this.#call("selfTest", () => at({}));
  }

  memory() {
    return this.#call("memory", () => at({}));
  }

  /** Frees the model's memory once the calls under way are done. */
  async dispose() {
    if (this.#disposed) return;
    // A worker that has ended holds nothing any more.
    const done = this.#link.lost ? Promise.resolve() : this.#call("dispose", () => at({}));
    this.#disposed = true;
    await done.catch(() => {});
    this.#link.end(new InvalidInputError("model: was disposed of"));
  }

  async [Symbol.asyncDispose]() {
    await this.dispose();
  }
}
// Where there is no Symbol.asyncDispose yet, the method above has the name "undefined".
if (Symbol.asyncDispose === undefined) Reflect.deleteProperty(Pali3.prototype, "undefined");

/**
 * Addresses of the modules: beside each other in a folder, or one by one.
 * @param {string | URL | {cpu?: string | URL, webgpu?: string | URL} | undefined} given
 * @returns {Partial<Record<"cpu" | "webgpu", string>>}
 */
function moduleUrls(given) {
  if (given === undefined) return {};
  const what = "option wasmUrl";
  if (typeof given === "string" || given instanceof URL) {
    const folder = folderUrl(given, what);
    return { cpu: new URL("pali3_cpu_bg.wasm", folder).href, webgpu: new URL("pali3_webgpu_bg.wasm", folder).href };
  }
  return Object.fromEntries(Object.entries(given).map(([device, url]) => [device, resolveUrl(/** @type {string | URL} */ (url), what).href]));
}

/** @param {any} args @param {Transferable[]} [transfer] */
function at(args, transfer = []) {
  return { args, transfer };
}

/** Whether WebAssembly has SIMD here: the smallest module with one vector instruction in it. */
function simd() {
  return WebAssembly.validate(
    new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11]),
  );
}
