// @ts-check

/** Runs one piece of work after the other: a model has one set of buffers. */
export class Queue {
  /** @type {Promise<unknown>} */
  #last = Promise.resolve();

  /** @template T @param {() => Promise<T> | T} work @returns {Promise<T>} */
  run(work) {
    const mine = this.#last.then(work);
    this.#last = mine.catch(() => {});
    return mine;
  }
}
