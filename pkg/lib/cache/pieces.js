// @ts-check
// A model folder in the Cache API, a file being a row of pieces: for threads and browsers that cannot write to the
// origin's private file system. An answer that is stored there cannot grow.
import { ABOUT, nothing, parsed, PLACE } from "./shelf.js";

/** @typedef {import("./shelf.js").About} About */

/** Nothing is ever asked for at this address: it only gives the pieces names. */
const NAMES = "https://pali3.invalid/";

/** @param {string} source */
const cacheName = (source) => `${PLACE} ${source}`;

export function available() {
  return typeof caches !== "undefined" && globalThis.isSecureContext !== false;
}

/** @param {string} source URL of the folder */
export async function openPiecesShelf(source) {
  return new PiecesShelf(source, await caches.open(cacheName(source)));
}

/** @param {string} file @param {number} start @param {number} end */
const pieceName = (file, start, end) => `${NAMES}${encodeURIComponent(file)}?bytes=${start}-${end}`;

/** @param {string} name @returns {{file: string, start: number, end: number} | null} */
function parsedName(name) {
  const [, file, start, end] = /^\/([^/]+)\?bytes=(\d+)-(\d+)$/.exec(name.slice(NAMES.length - 1)) ?? [];
  return file === undefined ? null : { file: decodeURIComponent(file), start: Number(start), end: Number(end) };
}

/** @implements {Shelf} @typedef {import("./shelf.js").Shelf} Shelf */
class PiecesShelf {
  fine = false;
  #source;
  #cache;
  /** Pieces of each file, in order and without holes. @type {Promise<Map<string, {start: number, end: number}[]>> | null} */
  #rows = null;

  /** @param {string} source @param {Cache} cache */
  constructor(source, cache) {
    this.#source = source;
    this.#cache = cache;
  }

  async about() {
    const answer = await this.#cache.match(NAMES + ABOUT);
    return answer === undefined ? nothing(this.#source) : parsed(await answer.text(), this.#source);
  }

  /** @param {About} about */
  async note(about) {
    await this.#cache.put(NAMES + ABOUT, new Response(JSON.stringify(about)));
  }

  async #pieces() {
    this.#rows ??= this.#listed();
    return this.#rows;
  }

  async #listed() {
    /** @type {Map<string, {start: number, end: number}[]>} */
    const rows = new Map();
    const names = (await this.#cache.keys()).map(({ url }) => parsedName(url)).filter((piece) => piece !== null);
    for (const { file, start, end } of names.sort((a, b) => a.start - b.start)) {
      const row = rows.get(file) ?? [];
      if (start === (row.at(-1)?.end ?? 0)) row.push({ start, end });
      rows.set(file, row);
    }
    return rows;
  }

  /** @param {string} file */
  async stored(file) {
    return (await this.#pieces()).get(file)?.at(-1)?.end ?? 0;
  }

  /** @param {string} file @param {number} start @param {number} end */
  async read(file, start, end) {
    const bytes = new Uint8Array(end - start);
    for (const piece of (await this.#pieces()).get(file) ?? []) {
      if (piece.end <= start || piece.start >= end) continue;
      const answer = await this.#cache.match(pieceName(file, piece.start, piece.end));
      const found = new Uint8Array((await answer?.arrayBuffer()) ?? new ArrayBuffer(0));
      if (found.length !== piece.end - piece.start) throw new Error(`${file}: a piece is gone`);
      const from = Math.max(start, piece.start);
      bytes.set(found.subarray(from - piece.start, end - piece.start), from - start);
    }
    return bytes;
  }

  /** @param {string} file @param {number} at @param {Uint8Array<ArrayBuffer>} bytes */
  async append(file, at, bytes) {
    const end = at + bytes.length;
    await this.#cache.put(pieceName(file, at, end), new Response(bytes));
    const rows = await this.#pieces();
    rows.set(file, [...(rows.get(file) ?? []), { start: at, end }]);
  }

  /** @param {string} file */
  async drop(file) {
    for (const { url } of await this.#cache.keys()) {
      if (parsedName(url)?.file === file) await this.#cache.delete(url);
    }
    (await this.#pieces()).delete(file);
  }

  async clear() {
    for (const { url } of await this.#cache.keys()) await this.#cache.delete(url);
    this.#rows = null;
  }

  close() {}
}

/** Every stored folder: what is known of it, its bytes and its removal. */
export async function* piecesShelves() {
  if (!available()) return;
  for (const name of await caches.keys()) {
    if (!name.startsWith(`${PLACE} `)) continue;
    const cache = await caches.open(name);
    const note = await cache.match(NAMES + ABOUT);
    let bytes = 0;
    for (const { url } of await cache.keys()) {
      const piece = parsedName(url);
      if (piece !== null) bytes += piece.end - piece.start;
    }
    yield { about: note === undefined ? null : parsed(await note.text(), ""), bytes, remove: () => caches.delete(name) };
  }
}
