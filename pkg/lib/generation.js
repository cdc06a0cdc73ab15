// @ts-check
import { throwIfAborted } from "./errors.js";

/** Lets the page breathe between two tokens: on the CPU they are computed on its own thread. */
function breathe() {
  const scheduler = /** @type {any} */ (globalThis).scheduler;
  if (typeof scheduler?.yield === "function") return scheduler.yield();
  return new Promise((done) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => (port1.close(), done(undefined));
    port2.postMessage(null);
  });
}

/** Collects the pieces of one generation while it runs, and stops it when asked to. */
class Sink {
  /** @type {any[]} */
  pieces = [];
  stopped = false;
  /** Wakes whoever waits for the next piece. @type {() => void} */
  wake = () => {};

  /**
   * @param {any} runtime @param {AbortSignal | undefined} signal
   * @param {() => any} start gives the crate's generation
   */
  async run(runtime, signal, start) {
    throwIfAborted(signal);
    const started = performance.now();
    let firstToken = 0;
    const handle = await runtime.call(start);
    try {
      let ended = false;
      while (!ended && !this.stopped) {
        await breathe();
        throwIfAborted(signal);
        const pieces = await runtime.call(() => handle.step());
        firstToken ||= performance.now() - started;
        if (pieces === undefined) ended = true;
        else this.pieces.push(...pieces);
        this.wake();
      }
      throwIfAborted(signal);
      const sequences = ended ? await runtime.call(() => handle.finish()) : gathered(this.pieces);
      const [{ text, tokenIds, score }] = sequences;
      return { text, tokenIds, score, sequences, timings: { firstToken, total: performance.now() - started } };
    } finally {
      if (runtime.failure === null) handle.free();
    }
  }
}

/**
 * What had come of each sequence when the caller left the loop.
 * @param {any[]} pieces
 */
function gathered(pieces) {
  const count = Math.max(0, ...pieces.map(({ sequence }) => sequence)) + 1;
  return Array.from({ length: count }, (_, k) => {
    const own = pieces.filter(({ sequence }) => sequence === k);
    const logprobs = own.map(({ logprob }) => logprob);
    return {
      text: own.map(({ text }) => text).join(""),
      tokenIds: own.map(({ tokenId }) => tokenId),
      logprobs,
      score: logprobs.reduce((sum, logprob) => sum + logprob, 0),
      finishReason: "left",
    };
  });
}

/**
 * One generation: iterate over it for the pieces as they come, or await it for the whole.
 * It runs by itself from the start, so that other calls may wait for it inside the loop.
 */
export class Generation {
  #sink = new Sink();
  #ended = false;
  /** @type {Promise<any>} */
  #result;

  /** @param {(sink: Sink) => Promise<any>} run */
  constructor(run) {
    this.#result = run(this.#sink);
    const end = () => {
      this.#ended = true;
      this.#sink.wake();
    };
    // Also keeps an error that only one of the two uses sees from being reported as unhandled by the other.
    this.#result.then(end, end);
  }

  async *[Symbol.asyncIterator]() {
    let at = 0;
    try {
      for (;;) {
        while (at < this.#sink.pieces.length) yield this.#sink.pieces[at++];
        if (this.#ended) break;
        await new Promise((done) => (this.#sink.wake = () => done(undefined)));
      }
      await this.#result;
    } finally {
      // A loop that was left by break or by an error.
      this.#sink.stopped = true;
    }
  }

  /** @param {any} [fulfilled] @param {any} [rejected] */
  then(fulfilled, rejected) {
    return this.#result.then(fulfilled, rejected);
  }

  /** @param {any} [rejected] */
  catch(rejected) {
    return this.#result.catch(rejected);
  }

  /** @param {any} [settled] */
  finally(settled) {
    return this.#result.finally(settled);
  }
}
