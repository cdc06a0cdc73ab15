// @ts-check

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
  /** @type {any[]} */
  #pieces = [];
  #ended = false;
  #left = new AbortController();
  /** Wakes whoever waits for the next piece. @type {() => void} */
  #wake = () => {};
  #started = performance.now();
  #firstToken = 0;
  /** @type {Promise<any>} */
  #result;

  /** @param {(onPieces: (pieces: any[]) => void, left: AbortSignal) => Promise<any>} run `left` fires when the caller leaves the loop */
  constructor(run) {
    const result = run((pieces) => {
      this.#firstToken ||= performance.now() - this.#started;
      this.#pieces.push(...pieces);
      this.#wake();
    }, this.#left.signal);
    this.#result = result.catch((error) => {
      if (this.#left.signal.aborted) return this.#partial();
      throw error;
    });
    const end = () => {
      this.#ended = true;
      this.#wake();
    };
    // Also keeps an error that only one of the two uses sees from being reported as unhandled by the other.
    this.#result.then(end, end);
  }

  #partial() {
    const sequences = gathered(this.#pieces);
    const [{ text, tokenIds, score }] = sequences;
    return { text, tokenIds, score, sequences, timings: { firstToken: this.#firstToken, total: performance.now() - this.#started } };
  }

  async *[Symbol.asyncIterator]() {
    let at = 0;
    try {
      for (;;) {
        while (at < this.#pieces.length) yield this.#pieces[at++];
        if (this.#ended) break;
        await new Promise((done) => (this.#wake = () => done(undefined)));
      }
      await this.#result;
    } finally {
      // A loop that was left by break or by an error.
      if (!this.#ended) this.#left.abort();
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
