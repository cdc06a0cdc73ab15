// @ts-check
// A model folder that is stored as it is read, and read from there the next time.
// What is stored of a file always is its beginning, so that an interrupted download goes on where it stopped.
import { NetworkError, NotFoundError } from "../errors.js";
import { PATIENCE } from "../source/patience.js";
import { nothing } from "./shelf.js";

/** @typedef {import("./shelf.js").Shelf} Shelf */
/** @typedef {import("../source/stream.js").StreamedFolder} StreamedFolder */

/** Bytes that are fetched at once where nobody has asked for them: gaps between tensors. */
const PIECE = 8 << 20;

/** With everything stored, a server that does not answer soon is as good as none. */
const OFFLINE_AFTER = 4000;

/**
 * A file: its size on the server, how much of it is stored, how much of that an earlier load has left, and how far this
 * load has read.
 * @typedef {{file: string, size: number, stored: number, left: number, needed: number, turn: Promise<unknown>}} Entry
 */

export class CachedFolder {
  #shelf;
  #folder;
  #about;
  #progress;
  /** @type {Map<string, Promise<Entry | null>>} */
  #entries = new Map();
  #writing = true;
  /** Whether anything that was read had been left by an earlier load. */
  stored = false;

  /**
   * @param {Shelf} shelf @param {import("./shelf.js").About} about
   * @param {StreamedFolder} folder where everything comes from the first time @param {(event: any) => void} progress
   */
  constructor(shelf, about, folder, progress) {
    this.#shelf = shelf;
    this.#about = about;
    this.#folder = folder;
    this.#progress = progress;
  }

  /** @param {Shelf} shelf @param {string} source @param {StreamedFolder} folder @param {(event: any) => void} progress */
  static async open(shelf, source, folder, progress) {
    return new CachedFolder(shelf, { ...nothing(source), ...(await shelf.about()), source }, folder, progress);
  }

  /** @param {string} file */
  describe(file) {
    return this.#folder.describe(file);
  }

  get held() {
    return this.#folder.held;
  }

  /**
   * Bytes in the file, or null where there is none.
   * @param {string} file
   */
  async size(file) {
    return (await this.#entry(file))?.size ?? null;
  }

  /**
   * The whole file, or null where there is none.
   * @param {string} file
   */
  async read(file) {
    const entry = await this.#entry(file);
    return entry === null ? null : this.readRange(file, 0, entry.size);
  }

  /**
   * Bytes `start..end` of the file.
   * @param {string} file @param {number} start @param {number} end
   */
  async readRange(file, start, end) {
    const entry = await this.#entry(file);
    if (entry === null) throw new NotFoundError(`${this.describe(file)}: not found`);
    // One piece after the other: each is appended to the one before.
    const piece = entry.turn.then(() => this.#piece(entry, start, end));
    entry.turn = piece.catch(() => {});
    return piece;
  }

  /** @param {Entry} entry @param {number} start @param {number} end */
  async #piece(entry, start, end) {
    entry.needed = Math.max(entry.needed, end);
    const here = await this.#fromShelf(entry, start, Math.min(end, entry.stored));
    if (here.length === end - start) return here;
    if (this.#writing) await this.#fill(entry, start);
    const rest = await this.#fetched(entry, start + here.length, end);
    if (here.length === 0) return rest;
    const whole = new Uint8Array(end - start);
    whole.set(here);
    whole.set(rest, here.length);
    return whole;
  }

  /** @param {Entry} entry @param {number} start @param {number} end */
  async #fromShelf(entry, start, end) {
    if (end <= start) return new Uint8Array(0);
    try {
      const bytes = await this.#shelf.read(entry.file, start, end);
      if (start < entry.left) {
        this.stored = true;
        this.#progress({ phase: "cache", file: entry.file, loaded: Math.min(end, entry.left), total: entry.size });
      }
      return bytes;
    } catch {
      // The browser has removed it, or another tab has: what is missing comes from the network, and is stored anew.
      await this.#shelf.drop(entry.file).catch(() => (this.#writing = false));
      entry.stored = entry.left = 0;
      return new Uint8Array(0);
    }
  }

  /** Stores the file up to a byte. @param {Entry} entry @param {number} until */
  async #fill(entry, until) {
    while (this.#writing && entry.stored < until) {
      await this.#fetched(entry, entry.stored, Math.min(entry.stored + PIECE, until));
    }
  }

  /**
   * Bytes from the network, stored on the way where they follow on what is stored.
   * @param {Entry} entry @param {number} start @param {number} end
   */
  async #fetched(entry, start, end) {
    if (!this.#shelf.fine) {
      const bytes = await this.#folder.readRange(entry.file, start, end);
      await this.#append(entry, start, bytes);
      return bytes;
    }
    let writing = Promise.resolve();
    const bytes = await this.#folder
      .readRange(entry.file, start, end, (chunk, at) => {
        // A chunk is only lent: it has to be written now, or copied.
        const kept = chunk.slice();
        writing = writing.then(() => this.#append(entry, at, kept));
      })
      .finally(() => writing);
    return bytes;
  }

  /** @param {Entry} entry @param {number} at @param {Uint8Array<ArrayBuffer>} bytes */
  async #append(entry, at, bytes) {
    if (!this.#writing || at !== entry.stored) return;
    try {
      await this.#shelf.append(entry.file, at, bytes);
      entry.stored += bytes.length;
    } catch {
      // No more room, or another tab is writing the same file: the model runs from memory, as without a cache.
      this.#writing = false;
    }
  }

  /** @param {string} file */
  #entry(file) {
    const entry = this.#entries.get(file) ?? this.#looked(file);
    this.#entries.set(file, entry);
    return entry;
  }

  /**
   * Compares what is stored with what the server has. @param {string} file
   * @returns {Promise<Entry | null>}
   */
  async #looked(file) {
    const known = this.#about.files[file];
    const found = await this.#asked(file);
    let usable = true;
    if (found === "offline") {
      if (known === undefined) return null;
    } else {
      const same = found !== null && found.size === known?.size && found.version === known.version;
      if (!same) {
        this.#about.complete = false;
        // Another tab may be writing it: then what is there must not be read either.
        if (known !== undefined) await this.#shelf.drop(file).catch(() => (this.#writing = usable = false));
        if (found === null) delete this.#about.files[file];
        else this.#about.files[file] = found;
      }
      if (found === null) return null;
    }
    const { size } = this.#about.files[file];
    const stored = usable ? Math.min(await this.#shelf.stored(file).catch(() => 0), size) : 0;
    return { file, size, stored, left: stored, needed: 0, turn: Promise.resolve() };
  }

  /**
   * What the server says of a file. @param {string} file
   * @returns {Promise<{size: number, version: string} | null | "offline">}
   */
  async #asked(file) {
    const { complete } = this.#about;
    try {
      const asking = this.#folder.size(file, complete ? { ...PATIENCE, tries: 1 } : PATIENCE);
      const size = await (complete ? within(asking, OFFLINE_AFTER) : asking);
      return size === null ? null : { size, version: this.#folder.version(file) };
    } catch (error) {
      if (complete && error instanceof NetworkError) return "offline";
      throw error;
    }
  }

  /**
   * Looks whether there is room for what is still to come; where there is not, nothing is stored.
   * @param {Map<string, number>} sizes
   */
  async reserve(sizes) {
    let missing = 0;
    for (const [file, size] of sizes) missing += size - ((await this.#entry(file))?.stored ?? 0);
    const { quota, usage = 0 } = (await navigator.storage?.estimate?.().catch(() => null)) ?? {};
    if (quota !== undefined && missing > quota - usage) this.#writing = false;
    await this.#note();
  }

  /** The model is loaded. Whether everything that it has read is stored; what nobody reads need not be. */
  async complete() {
    const entries = (await Promise.all(this.#entries.values())).filter((entry) => entry !== null);
    // Asked again, as another tab may have stored what this one could not.
    const stored = await Promise.all(entries.map(({ file }) => this.#shelf.stored(file).catch(() => 0)));
    this.#about.complete = entries.every(({ needed }, i) => needed <= stored[i]);
    this.#about.used = Date.now();
    await this.#note();
    return this.#about.complete;
  }

  async #note() {
    // Only a note: where it cannot be written, the next load begins from the start.
    await this.#shelf.note(this.#about).catch(() => {});
  }

  /** Removes what is stored of this folder. */
  async discard() {
    await this.#shelf.clear().catch(() => {});
  }

  async close() {
    this.#folder.close();
    await this.#shelf.close();
  }
}

/**
 * @template T
 * @param {Promise<T>} promise @param {number} milliseconds
 * @returns {Promise<T>}
 */
async function within(promise, milliseconds) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const late = new Promise((_, failed) => {
    timer = setTimeout(() => failed(new NetworkError("no answer")), milliseconds);
  });
  try {
    return /** @type {T} */ (await Promise.race([promise, late]));
  } finally {
    clearTimeout(timer);
    promise.catch(() => {});
  }
}
