// @ts-check
import { throwIfAborted } from "../errors.js";

/** Lets the thread take in messages (and the page breathe) between two tokens, whose work has no pauses of its own. */
function breathe() {
  return new Promise((done) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => (port1.close(), done(undefined));
    port2.postMessage(null);
  });
}

/**
 * Runs one generation to its end and emits its tokens as they come, a few of them (one for each sequence) at a time.
 * @param {any} generation the crate's
 * @param {<R>(work: () => R | Promise<R>) => Promise<R>} call
 * @param {{emit: (pieces: any[]) => void, signal: AbortSignal, started: number}} context
 */
export async function run(generation, call, { emit, signal, started }) {
  let firstToken = 0;
  try {
    for (;;) {
      await breathe();
      throwIfAborted(signal);
      const pieces = await call(() => generation.step());
      firstToken ||= performance.now() - started;
      if (pieces === undefined) break;
      if (pieces.length > 0) emit(pieces);
    }
    const sequences = await call(() => generation.finish());
    const [{ text, tokenIds, score }] = sequences;
    return { text, tokenIds, score, sequences, timings: { firstToken, total: performance.now() - started } };
  } finally {
    try {
      generation.free();
    } catch {
      // Its instance is gone, and it with it.
    }
  }
}
