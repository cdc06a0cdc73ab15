// @ts-check
// A model folder whose files the visitor chose or dropped. They stay on the disk: each piece is read when it is asked for.
import { described, IntegrityError, InvalidInputError, IoError, NotFoundError, Pali3Error } from "../errors.js";
import { Tally } from "./tally.js";
import { follow, untilAborted } from "./waiting.js";

/** @typedef {Blob & {readonly name: string, readonly webkitRelativePath?: string}} NamedBlob a File, most often */

/** A file and its path as far as the browser tells it. @typedef {{path: string, blob: Blob}} Chosen */

/** @param {string} path */
const lastPart = (path) => path.slice(path.lastIndexOf("/") + 1);

/**
 * @param {any} files what the caller gave: Iterable<NamedBlob> | ArrayLike<NamedBlob>
 * @returns {Chosen[]}
 */
export function withPaths(files) {
  if (files === null || typeof files !== "object" || !(Symbol.iterator in files || "length" in files)) {
    throw new InvalidInputError(`source files: expected a FileList or an array of Files, found ${described(files)}`);
  }
  return Array.from(files, (/** @type {NamedBlob} */ file, i) => {
    if (!(file instanceof Blob) || typeof file.name !== "string") {
      throw new InvalidInputError(`source files[${i}]: expected a File, or a Blob with a name, found ${described(file)}`);
    }
    return { path: file.webkitRelativePath || file.name, blob: file };
  });
}

/** Has the same methods as StreamedFolder. */
export class LocalFolder {
  /** @type {Map<string, Chosen[]>} by last part of the path */
  #files = new Map();
  #tally;
  #abort = new AbortController();
  #unfollow;

  /**
   * @param {Chosen[]} files
   * @param {{signal?: AbortSignal, progress?: import("./tally.js").OnProgress}} options
   */
  constructor(files, { signal, progress = () => {} }) {
    this.#tally = new Tally(progress);
    for (const file of files) {
      const name = lastPart(file.path);
      this.#files.set(name, [...(this.#files.get(name) ?? []), file]);
    }
    this.#unfollow = follow(this.#abort, signal);
  }

  /** Nothing can be read after that. */
  close() {
    this.#unfollow();
    this.#abort.abort();
  }

  /**
   * The file of that name that is nearest to the top of the chosen folder, which may hold others further down.
   * @param {string} file
   */
  #find(file) {
    const found = this.#files.get(lastPart(file)) ?? [];
    const depths = found.map(({ path }) => path.split("/").length);
    const [first, second] = found.filter((_, i) => depths[i] === Math.min(...depths));
    if (second !== undefined) {
      throw new InvalidInputError(`source files: ${first.path} and ${second.path} are both called ${lastPart(file)}`);
    }
    return first ?? null;
  }

  /** Full name of a file, for messages. @param {string} file */
  describe(file) {
    const [found] = this.#files.get(lastPart(file)) ?? [];
    return found === undefined ? file : found.path;
  }

  /**
   * The whole file, or null where there is none.
   * @param {string} file
   */
  async read(file) {
    const found = this.#find(file);
    return found === null ? null : this.#bytes(file, found, 0, found.blob.size);
  }

  /**
   * Bytes in the file, or null where there is none.
   * @param {string} file
   */
  async size(file) {
    return this.#find(file)?.blob.size ?? null;
  }

  /**
   * Bytes `start..end` of the file.
   * @param {string} file @param {number} start @param {number} end
   */
  async readRange(file, start, end) {
    const found = this.#find(file);
    if (found === null) throw new NotFoundError(`${file}: not among the chosen files`);
    if (end <= start) return new Uint8Array(0);
    if (end > found.blob.size) throw new IntegrityError(`${found.path}: ends at byte ${found.blob.size}, before ${end}`);
    return this.#bytes(file, found, start, end);
  }

  /** @param {string} file @param {Chosen} found @param {number} start @param {number} end */
  async #bytes(file, found, start, end) {
    const signal = this.#abort.signal;
    let buffer;
    try {
      buffer = await untilAborted(found.blob.slice(start, end).arrayBuffer(), signal);
    } catch (cause) {
      if (cause instanceof Pali3Error) throw cause;
      // What browsers say of a file that was written to, moved or deleted since it was chosen.
      throw new IoError(`${found.path}: cannot be read; it may have changed since it was chosen`, cause);
    }
    if (buffer.byteLength !== end - start) {
      throw new IntegrityError(`${found.path}: asked for bytes ${start} to ${end}, ${buffer.byteLength} came`);
    }
    this.#tally.arrived(file, end, found.blob.size);
    return new Uint8Array(buffer);
  }
}
