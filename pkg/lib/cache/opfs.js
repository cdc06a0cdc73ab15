// @ts-check
// A model folder in the origin's private file system. Only workers may write there byte by byte.
import { ABOUT, nameOf, nothing, parsed, PLACE } from "./shelf.js";

/** @typedef {import("./shelf.js").About} About */

/** Whether this thread can write there. */
export function writable() {
  return typeof FileSystemFileHandle !== "undefined" && "createSyncAccessHandle" in FileSystemFileHandle.prototype;
}

/** The name of a folder's file here. Their own may hold slashes, and be the note's. @param {string} file */
const fileName = (file) => encodeURIComponent(file);

/** @param {string} source URL of the folder */
export async function openOpfsShelf(source) {
  const root = await navigator.storage.getDirectory();
  const place = await root.getDirectoryHandle(PLACE, { create: true });
  const name = await nameOf(source);
  return new OpfsShelf(source, place, name, await place.getDirectoryHandle(name, { create: true }));
}

/** @implements {Shelf} @typedef {import("./shelf.js").Shelf} Shelf */
class OpfsShelf {
  fine = true;
  #source;
  #place;
  #name;
  #folder;
  /** The file that is being written, by its name here. Browsers let nobody else write it meanwhile. @type {{name: string, handle: any} | null} */
  #open = null;

  /** @param {string} source @param {FileSystemDirectoryHandle} place @param {string} name @param {FileSystemDirectoryHandle} folder */
  constructor(source, place, name, folder) {
    this.#source = source;
    this.#place = place;
    this.#name = name;
    this.#folder = folder;
  }

  async about() {
    const file = await this.#file(ABOUT);
    return file === null ? nothing(this.#source) : parsed(await file.text(), this.#source);
  }

  /** @param {About} about */
  async note(about) {
    const handle = await this.#writing(ABOUT);
    const bytes = new TextEncoder().encode(JSON.stringify(about));
    handle.truncate(0);
    handle.write(bytes, { at: 0 });
    this.close();
  }

  /** @param {string} file */
  async stored(file) {
    const name = fileName(file);
    if (this.#open?.name === name) return this.#open.handle.getSize();
    return (await this.#file(name))?.size ?? 0;
  }

  /** @param {string} file @param {number} start @param {number} end */
  async read(file, start, end) {
    const name = fileName(file);
    if (this.#open?.name === name) {
      const bytes = new Uint8Array(end - start);
      if (this.#open.handle.read(bytes, { at: start }) !== bytes.length) throw new Error(`${file}: shorter than it was`);
      return bytes;
    }
    const found = await this.#file(name);
    const bytes = new Uint8Array((await found?.slice(start, end).arrayBuffer()) ?? new ArrayBuffer(0));
    if (bytes.length !== end - start) throw new Error(`${file}: shorter than it was`);
    return bytes;
  }

  /** @param {string} file @param {number} at @param {Uint8Array<ArrayBuffer>} bytes */
  append(file, at, bytes) {
    // Without waiting where the file is open: chunks come by the hundred.
    const name = fileName(file);
    if (this.#open?.name === name) return write(this.#open.handle, bytes, at);
    return this.#writing(name).then((handle) => write(handle, bytes, at));
  }

  /** @param {string} file */
  async drop(file) {
    const name = fileName(file);
    if (this.#open?.name === name) this.close();
    await this.#folder.removeEntry(name).catch(ignoreMissing);
  }

  async clear() {
    this.close();
    await this.#place.removeEntry(this.#name, { recursive: true }).catch(ignoreMissing);
    this.#folder = await this.#place.getDirectoryHandle(this.#name, { create: true });
  }

  close() {
    this.#open?.handle.close();
    this.#open = null;
  }

  /** @param {string} name */
  async #file(name) {
    const handle = await this.#folder.getFileHandle(name).catch(ignoreMissing);
    return handle === undefined ? null : handle.getFile();
  }

  /** @param {string} name */
  async #writing(name) {
    if (this.#open?.name === name) return this.#open.handle;
    this.close();
    /** @type {any} */
    const entry = await this.#folder.getFileHandle(name, { create: true });
    this.#open = { name, handle: await entry.createSyncAccessHandle() };
    return this.#open.handle;
  }
}

/** @param {any} handle @param {Uint8Array<ArrayBuffer>} bytes @param {number} at */
function write(handle, bytes, at) {
  const written = handle.write(bytes, { at });
  if (written !== bytes.length) throw new DOMException(`${written} of ${bytes.length} bytes were written`, "QuotaExceededError");
}

/** @param {any} error @returns {undefined} */
function ignoreMissing(error) {
  if (error?.name !== "NotFoundError") throw error;
}

/** Every stored folder: what is known of it, its bytes and its removal. */
export async function* opfsShelves() {
  if (typeof navigator === "undefined" || navigator.storage?.getDirectory === undefined) return;
  const root = await navigator.storage.getDirectory();
  const place = await root.getDirectoryHandle(PLACE).catch(ignoreMissing);
  if (place === undefined) return;
  for await (const [name, folder] of /** @type {any} */ (place).entries()) {
    let about = null;
    let bytes = 0;
    for await (const [file, handle] of folder.entries()) {
      const content = await handle.getFile().catch(ignoreMissing);
      if (content === undefined) continue;
      if (file === ABOUT) about = parsed(await content.text(), "");
      else bytes += content.size;
    }
    yield { about, bytes, remove: () => place.removeEntry(name, { recursive: true }).catch(ignoreMissing) };
  }
}
