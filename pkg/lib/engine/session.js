// @ts-check
// From a source to a model on the device: which files there are, what of them is stored already, and the crate's own load.
import { cachedFolder } from "../cache/open.js";
import { IntegrityError, throwIfAborted } from "../errors.js";
import { LocalFolder } from "../source/files.js";
import { HttpFolder } from "../source/http.js";
import { StreamedFolder } from "../source/stream.js";
import { AskedFolder } from "./asked.js";
import { chosenDevice } from "./device.js";
import { runtime } from "./runtime.js";
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

/** Files that a folder may have, beside its weights. */
const SMALL = ["config.json", "preprocessor_config.json", "generation_config.json", "tokenizer.json"];
const INDEX = "model.safetensors.index.json";
const SINGLE = "model.safetensors";
/** Shards asked for their size at a time: browsers open no more connections, and Node takes more waiting for one signal for a leak. */
const AT_ONCE = 6;

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
 * Bytes of every file that a load will read, from what the source tells beforehand.
 * @param {any} folder
 * @returns {Promise<Map<string, number>>}
 */
async function fileSizes(folder) {
  /** @type {Map<string, number>} */
  const sizes = new Map();
  /** @param {string} file */
  const look = async (file) => {
    const size = await folder.size(file);
    if (size !== null) sizes.set(file, size);
    return size !== null;
  };
  const [indexed] = await Promise.all([INDEX, ...SMALL].map(look));
  if (!indexed) {
    await look(SINGLE);
    return sizes;
  }
  const left = shards(await folder.read(INDEX)).values();
  const looking = async () => {
    for (const file of left) await look(file);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, looking));
  return sizes;
}

/** Names of the shards; none where the index is no index, which the crate says in better words. @param {Uint8Array} bytes */
function shards(bytes) {
  try {
    const { weight_map } = JSON.parse(new TextDecoder().decode(bytes));
    return [...new Set(Object.values(weight_map))].filter((file) => typeof file === "string");
  } catch {
    return [];
  }
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
  const handle = await running.call(() => running.bindings.load(folder, device, software, plan.dtype, progress));
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
