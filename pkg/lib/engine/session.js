// @ts-check
// From a source to a model on the device: the folder's sizes, what of it is stored already, and the crate's own load.
import { cachedFolder } from "../cache/open.js";
import { IntegrityError, throwIfAborted } from "../errors.js";
import { LocalFolder } from "../source/files.js";
import { HttpFolder } from "../source/http.js";
import { StreamedFolder } from "../source/stream.js";
import { AskedFolder } from "./asked.js";
import { chosenDevice } from "./device.js";
import { runtime } from "./runtime.js";
import { fileSizes } from "./sizes.js";
import { Totals } from "./totals.js";

/** Parameters with which warming up takes longer on a software adapter than what it saves: 18 s of processor time for 3 with 163 million. */
const SLOW = 20e6;

/**
 * What a load is asked for, as it crosses to the worker.
 * @typedef {object} Plan
 * @property {{kind: "url", href: string} | {kind: "files", files: {path: string, blob: Blob}[]} | {kind: "asked"}} source
 * @property {"auto" | "webgpu" | "cpu"} device
 * @property {string} dtype in the crate's spelling
 * @property {"opfs" | false} cache
 * @property {Partial<Record<"cpu" | "webgpu", string>>} wasmUrls
 */

/** @typedef {import("./asked.js").Ask} Ask */

/**
 * What the crate reads a folder through, and whether it is stored as it is read.
 * @param {Plan} plan @param {Ask} ask @param {(event: any) => void} progress @param {AbortSignal} [signal]
 */
export async function openFolder({ source, cache }, ask, progress, signal) {
  if (source.kind === "asked") return AskedFolder.open(ask, progress, signal);
  if (source.kind === "files") return new LocalFolder(source.files, { signal, progress });
  const folder = new StreamedFolder(new HttpFolder(source.href), { signal, progress });
  const cached = cache === "opfs" ? await cachedFolder(source.href, folder, progress) : null;
  return cached ?? folder;
}

/**
 * Loads the model. A stored file that turns out to be damaged is fetched again, once.
 * @param {Plan} plan @param {Ask} ask @param {(event: any) => void} emit @param {AbortSignal} [signal]
 */
export async function loadModel(plan, ask, emit, signal) {
  for (let again = false; ; again = true) {
    const totals = new Totals(emit);
    const folder = await openFolder(plan, ask, totals.event, signal);
    try {
      return await throughFolder(folder, plan, totals, signal);
    } catch (error) {
      const mended = !again && error instanceof IntegrityError && "discard" in folder && folder.stored;
      if (!mended) throw error;
      await folder.discard();
    } finally {
      await folder.close();
    }
  }
}

/** @param {any} folder @param {Plan} plan @param {Totals} totals @param {AbortSignal} [signal] */
async function throughFolder(folder, plan, totals, signal) {
  const progress = totals.event;
  const { device, software } = await chosenDevice(plan.device);
  // The module is on its way while the files are asked for their sizes.
  const starting = runtime(device, plan.wasmUrls);
  starting.catch(() => {});
  const sizes = await fileSizes(folder);
  totals.expect(sizes);
  await folder.reserve?.(sizes);
  const running = await starting;
  throwIfAborted(signal);
  const handle = await running.call(() => running.bindings.load(running.seenBy(folder), device, software, plan.dtype, progress));
  try {
    throwIfAborted(signal);
    if (device === "webgpu" && (!software || JSON.parse(handle.info).parameters < SLOW)) {
      const step = (/** @type {number} */ loaded, /** @type {number} */ total) => progress({ phase: "compile", file: "", loaded, total });
      await running.call(() => handle.warmUp(step));
    }
    const cached = (await folder.complete?.()) ?? false;
    throwIfAborted(signal);
    return { running, handle, cached, progress };
  } catch (error) {
    if (running.failure === null) handle.dispose();
    throw error;
  }
}
