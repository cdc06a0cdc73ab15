// @ts-check
// Options are checked by name and type here, where the caller's own spelling is known; the crate checks their ranges.
import { Pali3Error } from "../errors.js";
import { GENERATION } from "./generation-options.js";

/** Letters alone, so that num_beams is as near to numBeams as numbeams. @param {string} name */
const plain = (name) => name.toLowerCase().replaceAll(/[^a-z0-9]/g, "");

/** How many letters two names share at their beginnings and ends: a typing error is in between. @param {string} a @param {string} b */
function shared(a, b) {
  const most = Math.min(a.length, b.length);
  let [start, end] = [0, 0];
  while (start < most && a[start] === b[start]) start += 1;
  while (start + end < most && a.at(-1 - end) === b.at(-1 - end)) end += 1;
  return start + end;
}

/** The known name that was meant, if two thirds of the letters say so. @param {string} name @param {string[]} known */
function nearest(name, known) {
  const alike = (/** @type {string} */ one) => shared(plain(name), plain(one)) / Math.max(plain(name).length, plain(one).length);
  const [best] = [...known].sort((a, b) => alike(b) - alike(a));
  return best !== undefined && alike(best) >= 2 / 3 ? best : null;
}

/** @param {any} value */
function isAddress(value) {
  return typeof value === "string" || value instanceof URL;
}

/** @param {any} value */
function areModules(value) {
  if (isAddress(value)) return true;
  if (value === null || typeof value !== "object") return false;
  return Object.entries(value).every(([device, url]) => (device === "cpu" || device === "webgpu") && isAddress(url));
}

const DTYPES = ["f32", "q8", "q4"];

/** @param {any} value */
function isDtype(value) {
  if (value === "auto" || DTYPES.includes(value)) return true;
  if (value === null || typeof value !== "object") return false;
  const parts = Object.entries(value);
  return parts.length > 0 && parts.every(([part, dtype]) => (part === "vision" || part === "text") && DTYPES.includes(dtype));
}

/** The crate's spelling of a checked dtype: q4, or vision=q8,text=q4. @param {string | Record<string, string>} dtype */
export function dtypeText(dtype) {
  if (typeof dtype === "string") return dtype;
  return Object.entries(dtype).map(([part, form]) => `${part}=${form}`).join(",");
}

/** @type {Record<string, [string, (value: any) => boolean]>} what an option takes, in words and as a test */
const KINDS = {
  count: ["a whole number", (v) => Number.isSafeInteger(v) && v >= 0 && v <= 0xffffffff],
  seed: ["a whole number from 0 to 2^53 - 1", (v) => Number.isSafeInteger(v) && v >= 0],
  number: ["a finite number", (v) => Number.isFinite(v)],
  flag: ["true or false", (v) => typeof v === "boolean"],
  text: ["a string", (v) => typeof v === "string"],
  texts: ["a string or an array of strings", (v) => typeof v === "string" || (Array.isArray(v) && v.every((s) => typeof s === "string"))],
  candidates: ["an array of strings", (v) => Array.isArray(v) && v.every((s) => typeof s === "string")],
  ids: ["an array of token ids", (v) => Array.isArray(v) && v.every((id) => Number.isSafeInteger(id) && id >= 0 && id <= 0xffffffff)],
  cache: ['"opfs" or false', (v) => v === "opfs" || v === false],
  early: ['true, false or "never"', (v) => typeof v === "boolean" || v === "never"],
  device: ['"auto", "webgpu" or "cpu"', (v) => v === "auto" || v === "webgpu" || v === "cpu"],
  dtype: ['"auto", "f32", "q8" or "q4", or an object with one of them for vision and for text', isDtype],
  callback: ["a function", (v) => typeof v === "function"],
  signal: ["an AbortSignal", (v) => typeof AbortSignal !== "undefined" && v instanceof AbortSignal],
  address: ["a URL", isAddress],
  modules: ["the URL of a folder, or an object with a URL for cpu and for webgpu", areModules],
  anything: ["", () => true],
};

export const LOAD_OPTIONS = {
  device: "device",
  dtype: "dtype",
  worker: "flag",
  cache: "cache",
  onProgress: "callback",
  signal: "signal",
  wasmUrl: "modules",
  workerUrl: "address",
};

/** What a source that is neither a URL nor a function holds. Its reader looks at the files themselves. */
export const SOURCE_KEYS = { files: "anything" };

export const SIGNAL = { signal: "signal" };

/** What every question has. */
const QUESTION = { image: "anything", images: "anything", prompt: "text", signal: "signal" };

export const SCORE_OPTIONS = { ...QUESTION, targets: "candidates" };

export const ATTENTION_OPTIONS = { ...QUESTION, tokenIds: "ids" };

export const GENERATE_OPTIONS = { ...QUESTION, ...GENERATION };

/**
 * Refuses what is unknown or of the wrong type. Options that are undefined count as left out.
 * @template T
 * @param {Record<string, string>} known
 * @param {T | undefined} options
 * @param {string} [what] they are, for messages
 * @param {string} [code] of the error
 * @returns {Partial<NonNullable<T>>}
 */
export function checked(known, options, what = "option", code = "InvalidOption") {
  if (options === undefined) return {};
  if (options === null || typeof options !== "object") {
    throw Pali3Error.of(code, `${what}s: expected an object, found ${options === null ? "null" : typeof options}`);
  }
  /** @type {any} */
  const kept = {};
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(known, name)) {
      const near = nearest(name, Object.keys(known));
      const hint = near === null ? `known are ${Object.keys(known).join(", ")}` : `did you mean ${near}?`;
      throw Pali3Error.of(code, `${what} ${name}: unknown; ${hint}`);
    }
    if (value === undefined) continue;
    const [words, fits] = KINDS[known[name]];
    if (!fits(value)) {
      const found = typeof value === "string" ? JSON.stringify(value) : String(value);
      throw Pali3Error.of(code, `${what} ${name}: expected ${words}, found ${found}`);
    }
    kept[name] = value;
  }
  return kept;
}
