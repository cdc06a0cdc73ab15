// @ts-check

/** What every call of this package throws or rejects with. Go by `code`; `message` is for people. */
export class Pali3Error extends Error {
  /**
   * @param {string} code a key of CLASSES
   * @param {string} message
   * @param {unknown} [cause]
   */
  constructor(code, message, cause) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = `${code}Error`;
    this.code = code;
  }

  /**
   * The error of a code, of its own class.
   * @param {string} code @param {string} message @param {unknown} [cause]
   * @returns {Pali3Error}
   */
  static of(code, message, cause) {
    const One = CLASSES[code] ?? InternalError;
    return new One(message, cause);
  }

  /**
   * Makes a Pali3Error of anything that was thrown here, by WebAssembly or on the other side of a worker.
   * @param {any} thrown
   * @returns {Pali3Error}
   */
  static from(thrown) {
    if (thrown instanceof Pali3Error) return thrown;
    if (thrown?.name === "AbortError") return aborted(thrown);
    // The crate's errors cross as {code, message}.
    if (typeof thrown?.code === "string" && Object.hasOwn(CLASSES, thrown.code)) {
      const message = String(thrown.message);
      const code = thrown.code === "DeviceLost" && OUT_OF_MEMORY.test(message) ? "OutOfMemory" : thrown.code;
      return Pali3Error.of(code, message, thrown.cause);
    }
    if (thrown instanceof RangeError && OUT_OF_MEMORY.test(thrown.message)) return new OutOfMemoryError(thrown.message, thrown);
    return new InternalError(String(thrown?.message ?? thrown), thrown);
  }
}

/** How browsers and drivers say it. */
const OUT_OF_MEMORY = /out of memory|allocation failed|invalid array length/i;

/**
 * A class for one code. What can be done next stands at the end of its messages, where it is the same for all of them.
 * @param {string} code @param {string} [next]
 */
function kind(code, next) {
  return class extends Pali3Error {
    /** @param {string} message @param {unknown} [cause] */
    constructor(message, cause) {
      super(code, next === undefined || message.endsWith(next) ? message : `${message}; ${next}`, cause);
    }
  };
}

const ANEW = "the next call starts the model anew";

export class NotFoundError extends kind("NotFound") {}
export class IoError extends kind("Io", "choose the files again") {}
export class NetworkError extends kind("Network", "load again when the connection is back: what has come is kept where there is a cache") {}
export class IntegrityError extends kind("Integrity", "load again, or put the files on the server anew") {}
export class UnsupportedModelError extends kind("UnsupportedModel") {}
export class InvalidInputError extends kind("InvalidInput") {}
export class InvalidOptionError extends kind("InvalidOption") {}
export class WebGPUUnavailableError extends kind("WebGPUUnavailable", 'device: "cpu" works without it') {}
export class DeviceLostError extends kind("DeviceLost", ANEW) {}
export class OutOfMemoryError extends kind("OutOfMemory", `${ANEW}; a smaller dtype ("q4") takes less`) {}
export class QuotaError extends kind("Quota", "free some of it with Pali3.cache.delete") {}
export class AbortedError extends kind("Aborted") {
  // As the platform's own aborts are called, so that one test catches both.
  name = "AbortError";
}
export class InternalError extends kind("Internal", ANEW) {}
export class NotFiniteError extends kind("NotFinite") {}

/** @type {Record<string, new (message: string, cause?: unknown) => Pali3Error>} */
const CLASSES = {
  NotFound: NotFoundError,
  Io: IoError,
  Network: NetworkError,
  Integrity: IntegrityError,
  UnsupportedModel: UnsupportedModelError,
  InvalidInput: InvalidInputError,
  InvalidOption: InvalidOptionError,
  WebGPUUnavailable: WebGPUUnavailableError,
  DeviceLost: DeviceLostError,
  OutOfMemory: OutOfMemoryError,
  Quota: QuotaError,
  Aborted: AbortedError,
  Internal: InternalError,
  NotFinite: NotFiniteError,
};

/** What a value is, in words, for messages. @param {any} value */
export function described(value) {
  if (value === null || value === undefined) return String(value);
  return typeof value === "object" ? (value.constructor?.name ?? "an object") : typeof value;
}

/** @param {unknown} [cause] */
export function aborted(cause) {
  return new AbortedError("aborted by the caller", cause);
}

/** @param {AbortSignal | null | undefined} signal */
export function throwIfAborted(signal) {
  if (signal?.aborted) throw aborted(signal.reason);
}
