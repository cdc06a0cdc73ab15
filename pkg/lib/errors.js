// @ts-check

/** Codes that an error can have; `Error::code` of the crate gives the first ten. */
export const CODES = /** @type {const} */ ([
  "NotFound",
  "Io",
  "Network",
  "Integrity",
  "UnsupportedModel",
  "InvalidInput",
  "InvalidOption",
  "WebGPUUnavailable",
  "DeviceLost",
  "Aborted",
  "Internal",
]);

/** What every call of this package throws or rejects with. Go by `code`; `message` is for people. */
export class Pali3Error extends Error {
  /**
   * @param {string} code one of CODES
   * @param {string} message
   * @param {unknown} [cause]
   */
  constructor(code, message, cause) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "Pali3Error";
    this.code = code;
  }

  /**
   * Makes a Pali3Error of anything that was thrown here or by WebAssembly.
   * @param {any} thrown
   * @returns {Pali3Error}
   */
  static from(thrown) {
    if (thrown instanceof Pali3Error) return thrown;
    if (thrown?.name === "AbortError") return aborted(thrown);
    // The crate's errors cross as {code, message}.
    if (typeof thrown?.code === "string" && CODES.includes(thrown.code)) {
      return new Pali3Error(thrown.code, String(thrown.message), thrown.cause);
    }
    return new Pali3Error("Internal", String(thrown?.message ?? thrown), thrown);
  }
}

/** What a value is, in words, for messages. @param {any} value */
export function described(value) {
  if (value === null || value === undefined) return String(value);
  return typeof value === "object" ? (value.constructor?.name ?? "an object") : typeof value;
}

/** @param {unknown} [cause] */
export function aborted(cause) {
  return new Pali3Error("Aborted", "aborted by the caller", cause);
}

/** @param {AbortSignal | null | undefined} signal */
export function throwIfAborted(signal) {
  if (signal?.aborted) throw aborted(signal.reason);
}
