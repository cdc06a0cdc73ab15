// @ts-check

/** @typedef {(event: {phase: "download", file: string, loaded: number, total: number}) => void} OnProgress */

/** Reports how far each file is. Bytes that come again, as after an interruption, are not counted again. */
export class Tally {
  /** @type {Map<string, number>} */
  #furthest = new Map();
  #progress;

  /** @param {OnProgress} progress */
  constructor(progress) {
    this.#progress = progress;
  }

  /** @param {string} file @param {number} at byte up to which it has come @param {number | null} size */
  arrived(file, at, size) {
    if (at <= (this.#furthest.get(file) ?? 0)) return;
    this.#furthest.set(file, at);
    this.#progress({ phase: "download", file, loaded: at, total: Math.max(size ?? 0, at) });
  }
}
