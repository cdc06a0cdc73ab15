// @ts-check
// A model source as the caller gives it, and what of it crosses to the thread that loads. A function stays here: it is
// called for each piece.
import { described, InvalidInputError } from "../errors.js";
import { Moved } from "../link/channel.js";
import { folderUrl } from "../request.js";
import { diskSource, onDisk } from "../source/disk.js";
import { withPaths } from "../source/files.js";
import { openSource } from "../source/open.js";
import { checked, SOURCE_KEYS } from "./options.js";

const EXPECTED = "expected the URL of a model folder, { files } or a function (name, range, signal) => Response";

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

/**
 * The files of a source that is `{ files }`, each with its path as far as the browser tells it.
 * @param {any} source
 */
function named(source) {
  // An array or a FileList has no names to check: what was meant is the object around it.
  if (source === null || typeof source !== "object" || "length" in source) {
    throw new InvalidInputError(`source: ${EXPECTED}, found ${described(source)}`);
  }
  const { files } = checked(SOURCE_KEYS, source, "source", "InvalidInput");
  if (files === undefined) throw new InvalidInputError(`source: ${EXPECTED}, found ${described(source)} without files`);
  return withPaths(files);
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
