// @ts-check
// What the answers about one file say of it. They must all speak of the same version: a file that is replaced on the
// server in the middle of a download would otherwise come as a mixture of both, with plausible sizes.
// If-Range would have the server tell that too, but browsers then bypass their cache and ask other sites for
// permission first, which few grant; the answers' own ETag, Last-Modified and total length say as much.
import { IntegrityError } from "../errors.js";

/** The part of the file that an answer of status 206 holds, where the answer shows it. @param {Response} response */
export function contentRange(response) {
  const [, start, end, total] = /^bytes (\d+)-(\d+)\/(\d+|\*)$/i.exec(response.headers.get("Content-Range")?.trim() ?? "") ?? [];
  if (start === undefined) return null;
  return { start: Number(start), end: Number(end) + 1, total: total === "*" ? null : Number(total) };
}

/** Length of the body that an answer announces, or null where it says nothing that holds for the decoded body. @param {Response} response */
export function announcedLength(response) {
  if (response.headers.get("Content-Encoding")) return null;
  const length = response.headers.get("Content-Length");
  return length === null || !/^\d+$/.test(length.trim()) ? null : Number(length);
}

/** ETag without its mark of weakness, which proxies add. @param {Response} response */
const tag = (response) => response.headers.get("ETag")?.replace(/^W\//, "") ?? null;

/** One file of a source. */
export class Facts {
  /** Bytes in the file, once known. @type {number | null} */
  size = null;
  /** Whether its pieces come out of one stream, and so one after the other. */
  streamed = false;
  /** Settles when the piece asked for last is there or has failed. @type {Promise<void>} */
  turn = Promise.resolve();
  /** @type {string | null} */
  #tag = null;
  /** @type {string | null} */
  #modified = null;
  /** Servers mark the ETag of a compressed answer in ways of their own. @type {string | null} */
  #encoding = null;

  /**
   * Takes in one more answer.
   * @param {string} what for messages
   * @param {Response} response
   * @param {number | null} size of the whole file, as far as this answer tells
   */
  note(what, response, size) {
    const encoding = response.headers.get("Content-Encoding");
    const found = tag(response);
    const modified = response.headers.get("Last-Modified");
    const comparable = this.#tag !== null && found !== null && this.#encoding === encoding;
    if (comparable && found !== this.#tag) throw changed(what, "ETag", this.#tag, found);
    // One tag means one content, whatever the dates of the machines that serve it.
    if (!comparable && this.#modified !== null && modified !== null && modified !== this.#modified) {
      throw changed(what, "Last-Modified", this.#modified, modified);
    }
    if (size !== null) this.counted(what, size);
    if (this.#tag === null && found !== null) {
      this.#tag = found;
      this.#encoding = encoding;
    }
    this.#modified ??= modified;
  }

  /** Tells this version of the file from others; empty where the server says nothing that does. */
  get version() {
    return this.#tag ?? this.#modified ?? "";
  }

  /** @param {string} what for messages @param {number} size of the whole file */
  counted(what, size) {
    if (this.size !== null && size !== this.size) throw changed(what, "length", this.size, size);
    this.size = size;
  }
}

/** @param {string} what @param {string} by @param {string | number | null} first @param {string | number} then */
function changed(what, by, first, then) {
  return new IntegrityError(`${what}: changed on the server while it was read (${by} was ${first}, then ${then})`);
}
