// @ts-check
// The worker that a model lives in. index.js starts it.
import { serveEngine } from "./lib/engine/serve.js";

serveEngine(/** @type {any} */ (globalThis));
// Whoever started it waits for this: a script that could not be fetched says nothing.
globalThis.postMessage("ready");
