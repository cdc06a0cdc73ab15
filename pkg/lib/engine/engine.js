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
   * @param {(call: <R>(work: (handle: any) => R | Promise<R>) => Promise<R>) => Promise<T>} work `call` runs one call of the crate
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
    const alive = this.#runtime?.failure === null;
    for (const picture of this.#pictures.values()) {
      if (alive) picture.handle?.free();
      picture.handle = null;
    }
    if (!alive || handle === null) return;
    try {
      handle.dispose();
    } catch {
      // A device that is gone has nothing to give back.
    }
  }

  /** @param {{image: number, input: any}} args @param {Context} context */
  async encodeImage({ image, input }, { signal }) {
    // Decoded while earlier calls are under way.
    const decoding = decode(input, signal);
    decoding.catch(() => {});
    return this.#turn(signal, async (call) => {
      const { width, height, rgba } = await decoding;
      throwIfAborted(signal);
      const handle = await call((model) => model.encodeImage(rgba, width, height));
      const bytes = await call(() => handle.toBytes());
      throwIfAborted(signal);
      this.#pictures.set(image, { bytes, handle });
      return { visualTokens: handle.visualTokens, rows: handle.rows, columns: handle.columns };
    });
  }

  /** Takes in a picture that was encoded elsewhere. @param {{image: number, bytes: Uint8Array<ArrayBuffer>}} args */
  adoptImage({ image, bytes }) {
    this.#pictures.set(image, { bytes, handle: null });
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
      const handle = this.#pictures.get(image)?.handle;
      this.#pictures.delete(image);
      if (this.#runtime?.failure === null) handle?.free();
    });
  }

  /** @param {number} image */
  #picture(image) {
    const picture = this.#pictures.get(image);
    if (picture === undefined) throw new InvalidInputError("image: was disposed of");
    return picture;
  }

  /**
   * Handles that a call of the crate may keep.
   * @param {number[]} images @param {<R>(work: (handle: any) => R | Promise<R>) => Promise<R>} call
   */
  async #shared(images, call) {
    const handles = [];
    for (const image of images) {
      const picture = this.#picture(image);
      picture.handle ??= await call((model) => model.imageFromBytes(picture.bytes));
      handles.push(picture.handle.share());
    }
    return handles;
  }

  /** @param {{images: number[], prompt: string, options: object}} args @param {Context} context */
  generate({ images, prompt, options }, { emit, signal }) {
    return this.#turn(signal, async (call) => {
      const started = performance.now();
      const pictures = await this.#shared(images, call);
      const generation = await call((model) => model.generate(pictures, prompt, JSON.stringify(options)));
      return run(generation, call, { emit, signal, started });
    });
  }

  /** @param {{images: number[], prompt: string, targets: string[]}} args @param {Context} context */
  score({ images, prompt, targets }, { signal }) {
    return this.#turn(signal, async (call) => {
      const pictures = await this.#shared(images, call);
      return call((model) => model.score(pictures, prompt, targets));
    });
  }

  /** @param {{images: number[], prompt: string, tokenIds: number[]}} args @param {Context} context */
  attention({ images, prompt, tokenIds }, { signal }) {
    return this.#turn(signal, async (call) => {
      const pictures = await this.#shared(images, call);
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
