// @ts-check
// The worker that a model lives in. index.js starts it.
import { serveEngine } from "./lib/engine/serve.js";

/**
 * Whoever started the worker waits for this: a script that could not be fetched says nothing.
 * @param {string | null} life name of the lock that tells when the worker has ended
 */
const ready = (life) => globalThis.postMessage({ ready: true, life });

serveEngine(/** @type {any} */ (globalThis));
// Pages without https have no locks, and may not use them in sandboxed frames.
const life = globalThis.navigator?.locks === undefined ? null : `pali3 ${crypto.randomUUID()}`;
if (life === null) ready(null);
else navigator.locks.request(life, () => (ready(life), new Promise(() => {}))).catch(() => ready(null));
