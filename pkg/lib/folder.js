// @ts-check
// A model folder over HTTP. Large files come in pieces where the server knows Range requests,
// so that only the tensor at hand is in memory; where it does not, the browser keeps the file as a Blob.
import { aborted, Pali3Error, throwIfAborted } from "./errors.js";

/** Where relative addresses start: the page, or nothing in a worker-less environment. */
function base() {
  return globalThis.document?.baseURI ?? globalThis.location?.href;
}

/** @param {string | URL} address @param {string} what */
export function resolveUrl(address, what) {
  try {
    return new URL(address, base());
  } catch (cause) {
    throw new Pali3Error("InvalidInput", `${what}: ${JSON.stringify(String(address))} is not a URL`, cause);
  }
}

/**
 * fetch with this package's errors. Any status but a failure to connect comes back.
 * @param {URL} url @param {RequestInit} init
 */
export async function request(url, init) {
  throwIfAborted(init.signal);
  try {
    return await fetch(url, init);
  } catch (cause) {
    if (init.signal?.aborted) throw aborted(cause);
    throw new Pali3Error("Network", `${url.href}: ${/** @type {Error} */ (cause).message}`, cause);
  }
}

/** @param {URL} url @param {Response} response */
export function statusError(url, response) {
  if (response.status === 404 || response.status === 410) return new Pali3Error("NotFound", `${url.href}: not found`);
  return new Pali3Error("Network", `${url.href}: HTTP ${response.status} ${response.statusText}`.trimEnd());
}

/** Length that a response announces, or null where it says nothing that holds for the decoded body. @param {Response} response */
function announcedLength(response) {
  if (response.headers.get("Content-Encoding")) return null;
  const length = response.headers.get("Content-Length");
  return length === null ? null : Number(length);
}

/** What the crate reads a model through: its methods are called from WebAssembly. */
export class HttpFolder {
  /** @type {Map<string, Promise<Blob>>} files whose server knows no ranges */
  #whole = new Map();
  /** @type {Map<string, number>} */
  #sizes = new Map();
  /** @type {Map<string, number>} bytes that have come, for the progress report */
  #loaded = new Map();

  /**
   * @param {string | URL} folder
   * @param {AbortSignal | undefined} signal
   * @param {(event: {phase: "download", file: string, loaded: number, total: number}) => void} progress
   */
  constructor(folder, signal, progress) {
    const url = resolveUrl(folder, "folder");
    if (!url.pathname.endsWith("/")) url.pathname += "/";
    this.url = url;
    this.signal = signal;
    this.progress = progress;
  }

  /** @param {string} file */
  #address(file) {
    // Shard names come out of a downloaded index: they must stay inside the folder.
    const url = new URL(file.split("/").map(encodeURIComponent).join("/"), this.url);
    if (!url.href.startsWith(this.url.href.split("?")[0])) {
      throw new Pali3Error("Integrity", `${this.url.href}: file name ${JSON.stringify(file)} points out of the folder`);
    }
    url.search = this.url.search;
    return url;
  }

  /** Full name of a file, for messages. @param {string} file */
  describe(file) {
    return new URL(file, this.url).href;
  }

  /** @param {string} file @param {number} bytes @param {number} total */
  #arrived(file, bytes, total) {
    const loaded = (this.#loaded.get(file) ?? 0) + bytes;
    this.#loaded.set(file, loaded);
    this.progress({ phase: "download", file, loaded: Math.min(loaded, total || loaded), total: total || loaded });
  }

  /**
   * The body, with progress, refused when it is shorter than announced.
   * @param {string} file @param {URL} url @param {Response} response @param {number} total size of the whole file, or 0
   */
  async #body(file, url, response, total) {
    const expected = announcedLength(response);
    /** @type {Uint8Array<ArrayBuffer>[]} */
    const chunks = [];
    let length = 0;
    try {
      const reader = response.body?.getReader();
      while (reader) {
        const { done, value } = await reader.read();
        if (done) break;
        chunks.push(value);
        length += value.length;
        this.#arrived(file, value.length, total || expected || 0);
      }
    } catch (cause) {
      if (this.signal?.aborted) throw aborted(cause);
      throw new Pali3Error("Network", `${url.href}: cut off after ${length} bytes: ${/** @type {Error} */ (cause).message}`, cause);
    }
    if (expected !== null && length !== expected) {
      throw new Pali3Error("Network", `${url.href}: cut off after ${length} of ${expected} bytes`);
    }
    return { chunks, length };
  }

  /**
   * The whole file, or null where there is none.
   * @param {string} file
   */
  async read(file) {
    const url = this.#address(file);
    const response = await request(url, { signal: this.signal });
    if (response.status === 404 || response.status === 410) return null;
    if (!response.ok) throw statusError(url, response);
    const { chunks, length } = await this.#body(file, url, response, 0);
    return joined(chunks, length);
  }

  /**
   * Bytes in the file, or null where there is none.
   * @param {string} file
   */
  async size(file) {
    const known = this.#sizes.get(file);
    if (known !== undefined) return known;
    const url = this.#address(file);
    const response = await request(url, { method: "HEAD", signal: this.signal });
    if (response.status === 404 || response.status === 410) return null;
    // Some servers answer no HEAD at all: then the file itself tells.
    if (!response.ok && response.status !== 405 && response.status !== 501) throw statusError(url, response);
    const announced = response.ok ? announcedLength(response) : null;
    const size = announced ?? (await this.#blob(file)).size;
    this.#sizes.set(file, size);
    return size;
  }

  /**
   * Bytes `start..end` of the file.
   * @param {string} file @param {number} start @param {number} end
   */
  async readRange(file, start, end) {
    if (end <= start) return new Uint8Array(0);
    if (!this.#whole.has(file)) {
      const url = this.#address(file);
      const response = await request(url, { headers: { Range: `bytes=${start}-${end - 1}` }, signal: this.signal });
      if (response.status === 206) {
        const { chunks, length } = await this.#body(file, url, response, this.#sizes.get(file) ?? 0);
        if (length !== end - start) {
          throw new Pali3Error("Integrity", `${url.href}: asked for bytes ${start} to ${end}, ${length} came`);
        }
        return joined(chunks, length);
      }
      if (response.status === 416) throw new Pali3Error("Integrity", `${url.href}: ends before byte ${end}`);
      if (!response.ok) throw statusError(url, response);
      this.#keep(file, this.#body(file, url, response, 0));
    }
    const blob = await this.#blob(file);
    if (blob.size < end) throw new Pali3Error("Integrity", `${this.#address(file).href}: ends at byte ${blob.size}, before ${end}`);
    return new Uint8Array(await blob.slice(start, end).arrayBuffer());
  }

  /** @param {string} file @param {Promise<{chunks: Uint8Array<ArrayBuffer>[], length: number}>} body */
  #keep(file, body) {
    const blob = body.then(({ chunks }) => new Blob(chunks));
    // A failed download must not stick: the next load asks again.
    blob.catch(() => this.#whole.delete(file));
    this.#whole.set(file, blob);
    return blob;
  }

  /** @param {string} file */
  #blob(file) {
    const kept = this.#whole.get(file);
    if (kept) return kept;
    const url = this.#address(file);
    return this.#keep(
      file,
      request(url, { signal: this.signal }).then((response) => {
        if (!response.ok) throw statusError(url, response);
        return this.#body(file, url, response, 0);
      }),
    );
  }
}

/** @param {Uint8Array[]} chunks @param {number} length */
function joined(chunks, length) {
  if (chunks.length === 1) return chunks[0];
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
