// @ts-check

/** @typedef {{phase: string, file: string, loaded: number, total: number}} FileEvent */

/** Adds up the events of single files to what is known of the whole load. */
export class Totals {
  #emit;
  #totalBytes = 0;
  /** Bytes of each file that are here. @type {Map<string, number>} */
  #loaded = new Map();
  /** What came while the sizes were being asked for. @type {FileEvent[] | null} */
  #early = [];

  /** @param {(event: any) => void} emit */
  constructor(emit) {
    this.#emit = emit;
  }

  /** Says how much there is, before any of it comes. @param {Map<string, number>} sizes */
  expect(sizes) {
    for (const size of sizes.values()) this.#totalBytes += size;
    const early = this.#early ?? [];
    this.#early = null;
    this.event({ phase: "download", file: "", loaded: 0, total: 0 });
    for (const event of early) this.event(event);
  }

  /** A function of its own, to be handed to whoever has events. @param {FileEvent} event */
  event = (event) => {
    if (this.#early !== null) return void this.#early.push(event);
    const { phase, file, loaded } = event;
    if (file !== "" && (phase === "download" || phase === "cache")) this.#loaded.set(file, Math.max(loaded, this.#loaded.get(file) ?? 0));
    let totalLoaded = 0;
    for (const bytes of this.#loaded.values()) totalLoaded += bytes;
    // Where the source tells no sizes, what has come is all that is known.
    this.#totalBytes = Math.max(this.#totalBytes, totalLoaded);
    this.#emit({ ...event, totalLoaded, totalBytes: this.#totalBytes });
  };
}
