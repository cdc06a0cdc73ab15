// @ts-check
// What Pali3.load takes as a model folder.
import { described, InvalidInputError } from "../errors.js";
import { checked, SOURCE_KEYS } from "../api/options.js";
import { CustomFolder } from "./custom.js";
import { LocalFolder, withPaths } from "./files.js";
import { HttpFolder } from "./http.js";
import { StreamedFolder } from "./stream.js";

const EXPECTED = "expected the URL of a model folder, { files } or a function (name, range, signal) => Response";

/**
 * What the crate reads the model through. Its `close` ends whatever is still under way.
 * @param {any} source
 * @param {{signal?: AbortSignal, progress?: import("./tally.js").OnProgress, patience?: import("./patience.js").Patience}} options
 * @returns {StreamedFolder | LocalFolder}
 */
export function openSource(source, options) {
  if (typeof source === "string" || source instanceof URL) return new StreamedFolder(new HttpFolder(source), options);
  if (typeof source === "function") return new StreamedFolder(new CustomFolder(source), options);
  return new LocalFolder(named(source), options);
}

/**
 * The files of a source that is `{ files }`, each with its path as far as the browser tells it.
 * @param {any} source
 */
export function named(source) {
  // An array or a FileList has no names to check: what was meant is the object around it.
  if (source === null || typeof source !== "object" || "length" in source) {
    throw new InvalidInputError(`source: ${EXPECTED}, found ${described(source)}`);
  }
  const { files } = checked(SOURCE_KEYS, source, "source", "InvalidInput");
  if (files === undefined) throw new InvalidInputError(`source: ${EXPECTED}, found ${described(source)} without files`);
  return withPaths(files);
}
