// @ts-check

/**
 * What had come of each sequence when the last reader left.
 * @param {any[]} pieces
 */
function gathered(pieces) {
  /** @type {any[]} */
  const sequences = [];
  const upTo = (/** @type {number} */ sequence) => {
    while (sequences.length <= sequence) sequences.push({ text: "", tokenIds: [], logprobs: [], score: 0, finishReason: "left" });
    return sequences[sequence];
  };
  upTo(0);
  for (const { sequence, text, tokenId, logprob } of pieces) {
    const one = upTo(sequence);
    one.text += text;
    one.tokenIds.push(tokenId);
    one.logprobs.push(logprob);
    one.score += logprob;
  }
  return sequences;
}

/**
 * A generation whose pieces can be read as they come, by any number of readers, each of which gets all of them. It runs by
 * itself from the start, so that other calls may wait for it inside the loop. It is no promise: an async function can
 * return it.
 */
export class GenerationStream {
  /** @type {any[]} */
  #pieces = [];
  #ended = false;
  #left = new AbortController();
  #readers = 0;
  /** Settles when there is more to read, or the end: for all readers that wait. */
  #news = news();
  #started = performance.now();
  #firstToken = 0;

  /** @param {(onPieces: (pieces: any[]) => void, left: AbortSignal) => Promise<any>} run `left` fires when the last reader leaves */
  constructor(run) {
    const running = run((pieces) => {
      this.#firstToken ||= performance.now() - this.#started;
      for (const piece of pieces) this.#pieces.push(piece);
      this.#tell();
    }, this.#left.signal);
    /** @type {Promise<any>} */
    this.result = running.catch((error) => {
      if (this.#left.signal.aborted) return this.#partial();
      throw error;
    });
    const end = () => {
      this.#ended = true;
      this.#tell();
    };
    // Also keeps an error that a reader sees from being reported as unhandled where nobody asks for the result.
    this.result.then(end, end);
  }

  #tell() {
    this.#news.come();
    this.#news = news();
  }

  #partial() {
    const sequences = gathered(this.#pieces);
    const [{ text, tokenIds, score }] = sequences;
    return { text, tokenIds, score, sequences, timings: { firstToken: this.#firstToken, total: performance.now() - this.#started } };
  }

  async *[Symbol.asyncIterator]() {
    this.#readers += 1;
    let at = 0;
    try {
      for (;;) {
        while (at < this.#pieces.length) yield this.#pieces[at++];
        if (this.#ended) break;
        await this.#news.awaited;
      }
      await this.result;
    } finally {
      this.#readers -= 1;
      // All loops were left, by break or by an error, before the end.
      if (!this.#ended && this.#readers === 0) this.#left.abort();
    }
  }
}

/** A promise that is fulfilled from outside. */
function news() {
  /** @type {() => void} */
  let come = () => {};
  /** @type {Promise<void>} */
  const awaited = new Promise((done) => (come = done));
  return { awaited, come };
}
