// @ts-check
// Addresses and requests with this package's errors, for everything that is fetched.
import { aborted, InvalidInputError, NetworkError, NotFoundError, throwIfAborted } from "./errors.js";

/** Where relative addresses start: the page, or nothing where there is none. */
function base() {
  const { document, location } = globalThis;
  // A worker that was made of a blob has an address from which none can start.
  return document?.baseURI ?? (location?.protocol === "blob:" ? location.origin : location?.href);
}

/** @param {string | URL} address @param {string} what */
export function resolveUrl(address, what) {
  try {
    return new URL(address, base());
  } catch (cause) {
    throw new InvalidInputError(`${what}: ${JSON.stringify(String(address))} is not a URL`, cause);
  }
}

/** The URL of a model folder: its path ends with a slash. @param {string | URL} address @param {string} what */
export function folderUrl(address, what) {
  const url = resolveUrl(address, what);
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  url.hash = "";
  return url;
}

/**
 * fetch with this package's errors, tried once. Any status but a failure to connect comes back.
 * @param {URL} url @param {RequestInit} init
 */
export async function request(url, init) {
  throwIfAborted(init.signal);
  try {
    return await fetch(url, init);
  } catch (cause) {
    if (init.signal?.aborted) throw aborted(cause);
    throw new NetworkError(`${url.href}: ${/** @type {Error} */ (cause).message}`, cause);
  }
}

/** Whether an answer says that there is no such file. @param {Response} response */
export function isMissing(response) {
  return response.status === 404 || response.status === 410;
}

/** @param {URL | string} what was asked for @param {Response} response */
export function statusError(what, response) {
  if (isMissing(response)) return new NotFoundError(`${what}: not found`);
  return new NetworkError(`${what}: ${statusWords(response)}`);
}

/** @param {Response} response */
export function statusWords(response) {
  return `HTTP ${response.status} ${response.statusText}`.trimEnd();
}
