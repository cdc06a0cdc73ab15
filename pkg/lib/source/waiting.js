// @ts-check
// Waiting that ends at once when the caller aborts.
import { aborted, throwIfAborted } from "../errors.js";

/**
 * Has `controller` abort when the caller's signal does. What comes back ends that, so that a signal that lives longer
 * than the load keeps nothing alive.
 * @param {AbortController} controller @param {AbortSignal | undefined} signal
 * @returns {() => void}
 */
export function follow(controller, signal) {
  if (signal === undefined) return () => {};
  const stop = () => controller.abort(signal.reason);
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop);
  return () => signal.removeEventListener("abort", stop);
}

/**
 * What `promise` gives, or Aborted as soon as the signal fires, whether or not `promise` heeds it.
 * @template T
 * @param {Promise<T>} promise
 * @param {AbortSignal} signal
 * @param {(value: T) => void} [late] takes what comes after that, to release it
 * @returns {Promise<T>}
 */
export function untilAborted(promise, signal, late = () => {}) {
  return new Promise((done, failed) => {
    const stop = () => {
      failed(aborted(signal.reason));
      promise.then(late, () => {});
    };
    if (signal.aborted) return stop();
    signal.addEventListener("abort", stop, { once: true });
    const heard = () => signal.removeEventListener("abort", stop);
    promise.then((value) => (heard(), done(value)), (error) => (heard(), failed(error)));
  });
}

/** @param {number} milliseconds @param {AbortSignal} signal */
export async function pause(milliseconds, signal) {
  throwIfAborted(signal);
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  try {
    await untilAborted(new Promise((done) => (timer = setTimeout(done, milliseconds))), signal);
  } finally {
    clearTimeout(timer);
  }
}
