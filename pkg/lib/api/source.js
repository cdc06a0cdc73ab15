// @ts-check
// A model source as the caller gives it, and what of it crosses to the thread that loads. A function stays here: it is
// called for each piece.
import { Moved } from "../link/channel.js";
import { folderUrl } from "../request.js";
import { diskSource, onDisk } from "../source/disk.js";
import { named, openSource } from "../source/open.js";

/** @typedef {import("../link/channel.js").Handlers} Handlers */

/**
 * What is crossing, and what the other side may ask for.
 * @param {any} source
 * @returns {{source: import("../engine/session.js").Plan["source"], handlers: Handlers}}
 */
export function crossingSource(source) {
  if (typeof source === "string" || source instanceof URL) {
    const url = folderUrl(source, "source");
    if (onDisk(url)) return { source: { kind: "asked" }, handlers: answering(diskSource(url)) };
    return { source: { kind: "url", href: url.href }, handlers: {} };
  }
  if (typeof source === "function") return { source: { kind: "asked" }, handlers: answering(source) };
  return { source: { kind: "files", files: named(source) }, handlers: {} };
}

/** @param {Function} source @returns {Handlers} */
function answering(source) {
  /** @type {any} */
  let folder = null;
  return {
    // Lasts as long as the folder is open on the other side.
    "source.open": (_, { emit, signal }) =>
      new Promise((done) => {
        const opened = openSource(source, { signal, progress: emit });
        folder = opened;
        signal.addEventListener("abort", () => (opened.close(), done(undefined)));
        emit("open");
      }),
    "source.read": ({ file }) => folder.read(file),
    "source.size": ({ file }) => folder.size(file),
    "source.readRange": async ({ file, start, end }) => {
      const bytes = await folder.readRange(file, start, end);
      return new Moved(bytes, [bytes.buffer]);
    },
  };
}
