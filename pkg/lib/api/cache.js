// @ts-check
// What loads have stored in this browser, for the page to look at and remove.
import { QuotaError } from "../errors.js";
import { opfsShelves } from "../cache/opfs.js";
import { piecesShelves } from "../cache/pieces.js";
import { folderUrl } from "../request.js";

async function shelves() {
  const found = [];
  for (const all of [opfsShelves(), piecesShelves()]) {
    try {
      for await (const shelf of all) found.push(shelf);
    } catch {
      // A storage that this page may not look into holds nothing of ours.
    }
  }
  return found;
}

export const cache = Object.freeze({
  async list() {
    const known = (await shelves()).filter(({ about, bytes }) => about !== null && bytes > 0);
    return known.map(({ about, bytes }) => {
      const { source, complete, used, files } = /** @type {import("../cache/shelf.js").About} */ (about);
      const total = Object.values(files).reduce((sum, { size }) => sum + size, 0);
      return { source, bytes, total, complete, used: new Date(used) };
    });
  },

  async size() {
    return (await shelves()).reduce((sum, { bytes }) => sum + bytes, 0);
  },

  /** @param {string | URL} source */
  async delete(source) {
    const { href } = folderUrl(source, "source");
    const found = (await shelves()).filter(({ about }) => about?.source === href);
    for (const { remove } of found) await removed(remove);
    return found.length > 0;
  },

  async clear() {
    for (const { remove } of await shelves()) await removed(remove);
  },

  async persist() {
    return (await navigator.storage?.persist?.()) ?? false;
  },
});

/** @param {() => Promise<unknown>} remove */
async function removed(remove) {
  try {
    await remove();
  } catch (cause) {
    throw new QuotaError("the model is being loaded at this moment, and cannot be removed", cause);
  }
}
