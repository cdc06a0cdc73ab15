// @ts-check
import { folderUrl } from "../request.js";

/** @param {import("./stream.js").ByteRange} range */
const rangeHeader = ({ start, end }) => `bytes=${start}-${end - 1}`;

/** A model folder at a URL. @implements {Transport} @typedef {import("./stream.js").Transport} Transport */
export class HttpFolder {
  /** @param {string | URL} folder */
  constructor(folder) {
    this.url = folderUrl(folder, "folder");
  }

  /** @param {string} file */
  #address(file) {
    const url = new URL(file.split("/").map(encodeURIComponent).join("/"), this.url);
    url.search = this.url.search;
    return url;
  }

  /** @param {string} file */
  describe(file) {
    const url = this.#address(file);
    // Tokens are handed over in it.
    url.search = "";
    return url.href;
  }

  /** @param {string} file @param {AbortSignal} signal */
  async head(file, signal) {
    const response = await fetch(this.#address(file), { method: "HEAD", signal });
    // There is nothing to read, but unless it is read, browsers list the request as one that was given up.
    await response.arrayBuffer();
    return response;
  }

  /** @param {string} file @param {import("./stream.js").ByteRange | undefined} range @param {AbortSignal} signal */
  async get(file, range, signal) {
    return fetch(this.#address(file), { headers: range && { Range: rangeHeader(range) }, signal });
  }
}
