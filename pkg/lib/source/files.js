// @ts-check
// A model folder whose files the visitor chose or dropped. They stay on the disk: each piece is read when it is asked for.
import { described, Pali3Error } from "../errors.js";
import { Tally } from "./tally.js";
import { follow, untilAborted } from "./waiting.js";

/** @typedef {Blob & {readonly name: string, readonly webkitRelativePath?: string}} NamedBlob a File, most often */

/** Path as far as the browser tells it, for messages. @param {NamedBlob} file */
const path = (file) => file.webkitRelativePath || file.name;

/** @param {string} path */
const lastPart = (path) => path.slice(path.lastIndexOf("/") + 1);

/** Has the same methods as StreamedFolder. */
export class LocalFolder {
  /** @type {Map<string, NamedBlob[]>} by last part of the path */
  #files = new Map();
  #tally;
  #abort = new AbortController();
  #unfollow;

  /**
   * @param {Iterable<NamedBlob> | ArrayLike<NamedBlob>} files
   * @param {{signal?: AbortSignal, progress?: import("./tally.js").OnProgress}} options
   */
  constructor(files, { signal, progress = () => {} }) {
    this.#tally = new Tally(progress);
    if (files === null || typeof files !== "object" || !(Symbol.iterator in files || "length" in files)) {
      throw new Pali3Error("InvalidInput", `source files: expected a FileList or an array of Files, found ${described(files)}`);
    }
    for (const [i, file] of Array.from(files).entries()) {
      if (!(file instanceof Blob) || typeof file.name !== "string") {
        throw new Pali3Error("InvalidInput", `source files[${i}]: expected a File, or a Blob with a name, found ${described(file)}`);
      }
      const name = lastPart(path(file));
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
    const depths = found.map((one) => path(one).split("/").length);
    const [first, second] = found.filter((_, i) => depths[i] === Math.min(...depths));
    if (second !== undefined) {
      throw new Pali3Error("InvalidInput", `source files: ${path(first)} and ${path(second)} are both called ${lastPart(file)}`);
    }
    return first ?? null;
  }

  /** Full name of a file, for messages. @param {string} file */
  describe(file) {
    const [found] = this.#files.get(lastPart(file)) ?? [];
    return found === undefined ? file : path(found);
  }

  /**
   * The whole file, or null where there is none.
   * @param {string} file
   */
  async read(file) {
    const found = this.#find(file);
    return found === null ? null : this.#bytes(file, found, 0, found.size);
  }

  /**
   * Bytes in the file, or null where there is none.
   * @param {string} file
   */
  async size(file) {
    return this.#find(file)?.size ?? null;
  }

  /**
   * Bytes `start..end` of the file.
   * @param {string} file @param {number} start @param {number} end
   */
  async readRange(file, start, end) {
    const found = this.#find(file);
    if (found === null) throw new Pali3Error("NotFound", `${file}: not among the chosen files`);
    if (end <= start) return new Uint8Array(0);
    if (end > found.size) throw new Pali3Error("Integrity", `${path(found)}: ends at byte ${found.size}, before ${end}`);
    return this.#bytes(file, found, start, end);
  }

  /** @param {string} file @param {NamedBlob} found @param {number} start @param {number} end */
  async #bytes(file, found, start, end) {
    const signal = this.#abort.signal;
    let buffer;
    try {
      buffer = await untilAborted(found.slice(start, end).arrayBuffer(), signal);
    } catch (cause) {
      if (cause instanceof Pali3Error) throw cause;
      // What browsers say of a file that was written to, moved or deleted since it was chosen.
      throw new Pali3Error("Io", `${path(found)}: cannot be read; it may have changed since it was chosen`, cause);
    }
    if (buffer.byteLength !== end - start) {
      throw new Pali3Error("Integrity", `${path(found)}: asked for bytes ${start} to ${end}, ${buffer.byteLength} came`);
    }
    this.#tally.arrived(file, end, found.size);
    return new Uint8Array(buffer);
  }
}
