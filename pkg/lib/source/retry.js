// @ts-check
// Which failures of a download pass, and how long to wait for that.
import { NetworkError, throwIfAborted } from "../errors.js";
import { pause } from "./waiting.js";

/** Answers that another try may turn into the file: timeouts, too many requests, a server that is busy or restarting. */
export const PASSING = new Set([408, 425, 429, 500, 502, 503, 504]);

/** @typedef {import("./patience.js").Patience} Patience */

/** A request that failed or was cut off, in a way that may pass. */
export class Interruption extends Error {
  /** @param {string} message @param {unknown} [cause] @param {number} [asked] milliseconds that the server asks to wait */
  constructor(message, cause, asked = 0) {
    super(message, { cause });
    this.asked = asked;
  }
}

/**
 * Milliseconds that a Retry-After header asks for: it holds seconds or a date.
 * @param {string | null} header @param {number} [now]
 */
export function retryAfter(header, now = Date.now()) {
  if (header === null) return 0;
  const asked = /^\s*\d+\s*$/.test(header) ? Number(header) * 1000 : Date.parse(header) - now;
  return Number.isFinite(asked) ? Math.max(0, asked) : 0;
}

/**
 * Milliseconds to wait after so many failures in a row. Spread by a quarter either way, so that the pages that one
 * outage cut off do not come back all at once.
 * @param {number} failures @param {number} asked @param {Patience} patience @param {number} [random] 0 to 1
 */
export function delay(failures, asked, patience, random = Math.random()) {
  const backoff = Math.min(patience.first * 2 ** (failures - 1), patience.longest) * (0.75 + 0.5 * random);
  return Math.max(backoff, Math.min(asked, patience.longestAsked));
}

/**
 * Runs `attempt` again while it is interrupted. Only interruptions in a row count: one after which more bytes came is
 * forgotten, as a download of hours meets many.
 * @template T
 * @param {() => Promise<T>} attempt
 * @param {() => number} reached bytes up to which the file has come
 * @param {AbortSignal} signal
 * @param {Patience} patience
 * @returns {Promise<T>}
 */
export async function persistently(attempt, reached, signal, patience) {
  let failures = 0;
  let before = reached();
  for (;;) {
    throwIfAborted(signal);
    try {
      return await attempt();
    } catch (thrown) {
      throwIfAborted(signal);
      if (!(thrown instanceof Interruption)) throw thrown;
      const at = reached();
      failures = at > before ? 1 : failures + 1;
      before = at;
      if (failures >= patience.tries) {
        throw new NetworkError(`${thrown.message}; stopped at byte ${at} after ${failures} tries`, thrown.cause);
      }
      await pause(delay(failures, thrown.asked, patience), signal);
    }
  }
}
