// @ts-check
// Where a model works: in a worker of its own, or on the calling thread.
import { InternalError, InvalidOptionError, NetworkError, Pali3Error } from "../errors.js";
import { Channel, portPair } from "../link/channel.js";
import { leftBehind } from "../prebundled.js";
import { resolveUrl } from "../request.js";

/** @typedef {import("../link/channel.js").Handlers} Handlers */

/** Milliseconds in which a worker has to be there: its scripts are some 80 kB. */
const READY_WITHIN = 30_000;

/**
 * @typedef {object} Link
 * @property {Channel} channel
 * @property {boolean} worker
 * @property {boolean} lost whether the other side has ended by itself
 * @property {(error: Pali3Error) => void} end ends the other side, whatever it does, and frees what it holds
 */

/**
 * @param {Handlers} handlers what the model's side may ask for
 * @param {{worker?: boolean, workerUrl?: string | URL}} options
 * @returns {Promise<Link>}
 */
export async function connect(handlers, { worker = true, workerUrl }) {
  if (worker && typeof Worker === "function") return inWorker(handlers, workerUrl);
  if (workerUrl !== undefined && !worker) throw new InvalidOptionError("option workerUrl: there is no worker with worker: false");
  // Only now: pages that leave the work to a worker need not fetch this.
  const { serveEngine } = await import("../engine/serve.js").catch((cause) => {
    throw new NetworkError(`the package's scripts could not be fetched (${cause.message})`, cause);
  });
  const [here, there] = portPair();
  const channel = new Channel(here, handlers);
  const engine = serveEngine(there);
  return { channel, worker: false, lost: false, end: (error) => (channel.close(error), engine.end(error)) };
}

/**
 * @param {Handlers} handlers @param {string | URL | undefined} workerUrl
 * @returns {Promise<Link>}
 */
async function inWorker(handlers, workerUrl) {
  const given = workerUrl === undefined ? null : resolveUrl(workerUrl, "option workerUrl");
  /** @param {string} [why] @param {unknown} [cause] */
  const unstarted = (why, cause) => {
    const what = `${given === null ? "the package's worker.js" : `worker ${given}`} could not be started${why ? ` (${why})` : ""}`;
    return new NetworkError(`${what}: serve it beside the page's scripts, pass workerUrl, or worker: false`, cause);
  };
  /** @type {Worker} */
  let worker;
  try {
    worker = given === null ? ownWorker() : startWorker(given);
  } catch (cause) {
    throw unstarted(/** @type {Error} */ (cause).message, cause);
  }
  /** @type {(error: Pali3Error) => void} */
  let failed = () => {};
  /** @type {Promise<never>} */
  const failure = new Promise((_, reject) => (failed = reject));
  // The script could not be fetched or run: browsers do not say why.
  worker.onerror = (event) => failed(unstarted(event.message));
  // A script that is not the package's never says that it is ready.
  const timer = setTimeout(() => failed(unstarted(`no sign of it for ${READY_WITHIN / 1000} seconds`)), READY_WITHIN);
  /** @type {Promise<string | null>} */
  const ready = new Promise((done) => (worker.onmessage = ({ data }) => data?.ready === true && done(data.life)));
  let life;
  try {
    life = await Promise.race([failure, ready]);
  } catch (error) {
    worker.terminate();
    throw error;
  } finally {
    clearTimeout(timer);
  }
  // From here on the engine reports its own errors; the event only repeats them.
  worker.onerror = (event) => event.preventDefault();
  const channel = new Channel(/** @type {any} */ (worker), handlers);
  const watching = new AbortController();
  /** @type {Link} */
  const link = {
    channel,
    worker: true,
    lost: false,
    end(error) {
      watching.abort();
      channel.close(error);
      worker.terminate();
    },
  };
  void released(life, watching.signal).then(() => {
    link.lost = true;
    link.end(new InternalError("the model's worker has ended by itself, as browsers have it where memory is short"));
  });
  return link;
}

/**
 * Waits until a worker is gone. Browsers send no event when one ends, but they let go of the lock that it holds as long as
 * it lives.
 * @param {string | null} life the lock's name; null where there are no locks
 * @param {AbortSignal} signal ends the wait, which then goes on for ever
 * @returns {Promise<void>}
 */
function released(life, signal) {
  return new Promise((gone) => {
    if (life !== null) navigator.locks.request(life, { signal }, () => gone()).catch(() => {});
  });
}

function ownWorker() {
  // Not for bundlers: they would add the script as it is, without what it imports.
  const url = new URL(/* webpackIgnore: true */ /* @vite-ignore */ "../../worker.js", import.meta.url);
  const moved = leftBehind(url, "worker.js");
  if (moved !== null) return startWorker(moved);
  try {
    // In the one form that bundlers know.
    return new Worker(new URL("../../worker.js", import.meta.url), { type: "module", name: "pali3" });
  } catch {
    return startWorker(url);
  }
}

/**
 * A page may not start a worker from another site, but one that imports the script from there.
 * @param {URL} url
 */
function startWorker(url) {
  const own = url.origin === globalThis.location?.origin || url.protocol === "blob:" || url.protocol === "data:";
  if (own) return new Worker(url, { type: "module", name: "pali3" });
  const script = new Blob([`import ${JSON.stringify(url.href)};`], { type: "text/javascript" });
  const shim = URL.createObjectURL(script);
  try {
    return new Worker(shim, { type: "module", name: "pali3" });
  } finally {
    // The worker has its script's address already, but fetches it in its own time.
    setTimeout(() => URL.revokeObjectURL(shim), 60_000);
  }
}
