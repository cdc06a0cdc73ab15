// @ts-check
// Addresses and requests with this package's errors, for everything that is fetched.
import { aborted, Pali3Error, throwIfAborted } from "./errors.js";

/** Where relative addresses start: the page, or nothing where there is none. */
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
 * fetch with this package's errors, tried once. Any status but a failure to connect comes back.
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

/** Whether an answer says that there is no such file. @param {Response} response */
export function isMissing(response) {
  return response.status === 404 || response.status === 410;
}

/** @param {URL | string} what was asked for @param {Response} response */
export function statusError(what, response) {
  if (isMissing(response)) return new Pali3Error("NotFound", `${what}: not found`);
  return new Pali3Error("Network", `${what}: ${statusWords(response)}`);
}

/** @param {Response} response */
export function statusWords(response) {
  return `HTTP ${response.status} ${response.statusText}`.trimEnd();
}
