// @ts-check
import { CachedFolder } from "./folder.js";
import * as opfs from "./opfs.js";
import * as pieces from "./pieces.js";

/**
 * A folder that keeps what comes through it, or null where this thread can store nothing (private windows, pages without
 * https, Node).
 * @param {string} href of the model folder, ending with a slash
 * @param {import("../source/stream.js").StreamedFolder} folder
 * @param {(event: any) => void} progress
 */
export async function cachedFolder(href, folder, progress) {
  for (const open of [opfs.writable() && opfs.openOpfsShelf, pieces.available() && pieces.openPiecesShelf]) {
    try {
      if (open) return await CachedFolder.open(await open(href), href, folder, progress);
    } catch {
      // What cannot be opened cannot be used; the model comes over the network then.
    }
  }
  return null;
}
