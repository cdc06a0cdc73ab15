// @ts-check
// One model and its pictures, on the thread that computes. Everything that the page asks for arrives here.
import { aborted, InvalidInputError, NotFoundError, Pali3Error, throwIfAborted } from "../errors.js";
import { Moved } from "../link/channel.js";
import { run } from "./answer.js";
import { decode } from "./picture.js";
import { Queue } from "./queue.js";
import { loadModel, openFolder } from "./session.js";

/** @typedef {import("./session.js").Plan} Plan */
/** @typedef {import("./asked.js").Ask} Ask */
/** @typedef {import("../link/channel.js").Context} Context */
/** @typedef {import("../crossing.js").Given} Given */
/** @typedef {<R>(work: (handle: any) => R | Promise<R>) => Promise<R>} Call runs one call of the crate's model */

/** After these, what was on the device is gone. */
const FATAL = new Set(["DeviceLost", "OutOfMemory", "Internal"]);

/**
 * A picture: its tokens on the host, which outlive a lost device, and on the device of the model that is there now.
 * @typedef {{bytes: Uint8Array<ArrayBuffer>, handle: any}} Picture
 */

export class Engine {
  #ask;
  #queue = new Queue();
  /** @type {Plan | null} */
  #plan = null;
  /** The crate's model; null before the load, after a failure, and in the end. @type {any} */
  #handle = null;
  /** @type {import("./runtime.js").Runtime | null} */
  #runtime = null;
  #disposed = false;
  /** By the number that the page gave it. @type {Map<number, Picture>} */
  #pictures = new Map();

  /** @param {Ask} ask calls the page */
  constructor(ask) {
    this.#ask = ask;
  }

  /** @param {Plan} plan @param {Context} context */
  async load(plan, { emit, signal }) {
    this.#plan = plan;
    const { handle, cached, progress } = await this.#start(emit, signal);
    progress({ phase: "ready", file: "", loaded: 1, total: 1 });
    return { device: handle.device, info: JSON.parse(handle.info), cached };
  }

  /** @param {(event: any) => void} emit @param {AbortSignal} [signal] */
  async #start(emit, signal) {
    if (this.#plan === null) throw new InvalidInputError("model: nothing was loaded");
    const started = await loadModel(this.#plan, this.#ask, emit, signal);
    this.#runtime = started.running;
    this.#handle = started.handle;
    // A load that nobody waits for any more.
    if (this.#disposed) {
      this.#free();
      throw aborted();
    }
    return started;
  }

  /**
   * Runs `work` with the model after all earlier calls. A model whose device or instance is gone is loaded again first.
   * @template T
   * @param {AbortSignal | undefined} signal
   * @param {(call: Call) => Promise<T>} work
   */
  #turn(signal, work) {
    return this.#queue.run(async () => {
      throwIfAborted(signal);
      if (this.#disposed) throw new InvalidInputError("model: was disposed of");
      if (this.#runtime?.failure || this.#handle?.lost) this.#free();
      if (this.#handle === null) await this.#start(() => {}, signal);
      const running = /** @type {import("./runtime.js").Runtime} */ (this.#runtime);
      try {
        return await work((call) => running.call(() => call(this.#handle)));
      } catch (thrown) {
        const error = Pali3Error.from(thrown);
        if (FATAL.has(error.code)) this.#free();
        throw error;
      }
    });
  }

  /** Gives back what the model holds on the device. Pictures stay, on the host. */
  #free() {
    const handle = this.#handle;
    this.#handle = null;
    for (const picture of this.#pictures.values()) {
      this.#release(picture.handle);
      picture.handle = null;
    }
    if (this.#runtime?.failure !== null || handle === null) return;
    try {
      handle.dispose();
    } catch {
      // A device that is gone has nothing to give back.
    }
  }

  /** Frees a picture of the crate's, unless its instance is gone and the picture with it. @param {any} handle */
  #release(handle) {
    if (this.#runtime?.failure === null) handle?.free();
  }

  /** @param {{image: number, input: any}} args @param {Context} context */
  async encodeImage({ image, input }, { signal }) {
    // Decoded while earlier calls are under way.
    const decoding = decode(input, signal);
    decoding.catch(() => {});
    return this.#turn(signal, async (call) => {
      const handle = await this.#encoded(decoding, call, signal);
      try {
        const bytes = await call(() => handle.toBytes());
        throwIfAborted(signal);
        this.#pictures.set(image, { bytes, handle });
        return { visualTokens: handle.visualTokens, rows: handle.rows, columns: handle.columns };
      } catch (error) {
        this.#release(handle);
        throw error;
      }
    });
  }

  /** @param {Promise<import("./picture.js").Pixels>} decoding @param {Call} call @param {AbortSignal | undefined} signal */
  async #encoded(decoding, call, signal) {
    const { width, height, rgba } = await decoding;
    throwIfAborted(signal);
    return call((model) => model.encodeImage(rgba, width, height));
  }

  /** @param {{image: number}} args */
  imageBytes({ image }) {
    // A copy: on one thread nothing else would keep the caller's hands off it.
    const bytes = this.#picture(image).bytes.slice();
    return new Moved(bytes, [bytes.buffer]);
  }

  /** @param {{image: number}} args */
  releaseImage({ image }) {
    // After the calls that were made with it.
    void this.#queue.run(() => {
      this.#release(this.#pictures.get(image)?.handle);
      this.#pictures.delete(image);
    });
  }

  /** @param {number} image */
  #picture(image) {
    const picture = this.#pictures.get(image);
    if (picture === undefined) throw new InvalidInputError("image: was disposed of");
    return picture;
  }

  /**
   * Takes in what a call is about, as soon as it arrives: the bytes of pictures that were encoded elsewhere are kept, and
   * others begin to be decoded while earlier calls are under way.
   * @param {Given[]} images @param {AbortSignal | undefined} signal
   * @returns {(number | Promise<import("./picture.js").Pixels>)[]}
   */
  #taken(images, signal) {
    return images.map((given) => {
      if ("input" in given) {
        const decoding = decode(given.input, signal);
        decoding.catch(() => {});
        return decoding;
      }
      const { image, bytes } = given;
      if (bytes !== undefined && !this.#pictures.has(image)) this.#pictures.set(image, { bytes, handle: null });
      return image;
    });
  }

  /**
   * Handles for a call of the crate, which frees them.
   * @param {(number | Promise<import("./picture.js").Pixels>)[]} taken @param {Call} call @param {AbortSignal | undefined} signal
   */
  async #handles(taken, call, signal) {
    /** @type {any[]} */
    const handles = [];
    try {
      for (const one of taken) {
        if (typeof one !== "number") handles.push(await this.#encoded(one, call, signal));
        else {
          const picture = this.#picture(one);
          picture.handle ??= await call((model) => model.imageFromBytes(picture.bytes));
          handles.push(picture.handle.share());
        }
      }
      return handles;
    } catch (error) {
      for (const handle of handles) this.#release(handle);
      throw error;
    }
  }

  /** @param {{images: Given[], prompt: string, options: object}} args @param {Context} context */
  generate({ images, prompt, options }, { emit, signal }) {
    const taken = this.#taken(images, signal);
    return this.#turn(signal, async (call) => {
      const started = performance.now();
      const pictures = await this.#handles(taken, call, signal);
      const generation = await call((model) => model.generate(pictures, prompt, JSON.stringify(options)));
      return run(generation, call, { emit, signal, started });
    });
  }

  /** @param {{images: Given[], prompt: string, targets: string[]}} args @param {Context} context */
  score({ images, prompt, targets }, { signal }) {
    const taken = this.#taken(images, signal);
    return this.#turn(signal, async (call) => {
      const pictures = await this.#handles(taken, call, signal);
      return call((model) => model.score(pictures, prompt, targets));
    });
  }

  /** @param {{images: Given[], prompt: string, tokenIds: number[]}} args @param {Context} context */
  attention({ images, prompt, tokenIds }, { signal }) {
    const taken = this.#taken(images, signal);
    return this.#turn(signal, async (call) => {
      const pictures = await this.#handles(taken, call, signal);
      const grids = pictures.map(({ rows, columns }) => ({ rows, columns }));
      const { tokens, weights } = await call((model) => model.attention(pictures, prompt, new Uint32Array(tokenIds)));
      return new Moved({ grids, tokens, weights }, [weights.buffer]);
    });
  }

  /** @param {{texts: string[]} | {inputs: any[]}} args @param {Context} context */
  embed(args, { signal }) {
    if ("texts" in args) return this.#turn(signal, (call) => call((model) => model.embedTexts(args.texts)));
    const decoding = args.inputs.map((input) => decode(input, signal));
    for (const one of decoding) one.catch(() => {});
    return this.#turn(signal, async (call) => {
      const vectors = [];
      for (const one of decoding) {
        const { width, height, rgba } = await one;
        throwIfAborted(signal);
        vectors.push(await call((model) => model.embedImage(rgba, width, height)));
      }
      return vectors;
    });
  }

  /** @param {Context} context */
  warmup({ signal }) {
    return this.#turn(signal, (call) => call((model) => model.warmUp(() => {})));
  }

  /** @param {Context} context */
  selfTest({ signal }) {
    return this.#turn(signal, async (call) => {
      const folder = await openFolder(/** @type {Plan} */ (this.#plan), this.#ask, () => {}, signal);
      try {
        const record = await folder.read("self_test.json");
        if (record === null) {
          throw new NotFoundError(`${folder.describe("self_test.json")}: not found; pali3 self-test --write makes it`);
        }
        const text = new TextDecoder().decode(record);
        return JSON.parse(await call((model) => model.selfTest(text)));
      } finally {
        await folder.close();
      }
    });
  }

  memory() {
    if (this.#handle === null || this.#runtime?.failure) return { wasm: 0, device: 0, deviceReserved: 0 };
    return JSON.parse(this.#handle.memory());
  }

  /** After the calls under way. */
  dispose() {
    return this.#queue.run(() => {
      this.#disposed = true;
      this.#free();
      this.#pictures.clear();
    });
  }
}
