// @ts-check
// What Pali3.load takes as a model folder.
import { described, Pali3Error } from "../errors.js";
import { checked, SOURCE_KEYS } from "../options.js";
import { CustomFolder } from "./custom.js";
import { LocalFolder } from "./files.js";
import { HttpFolder } from "./http.js";
import { StreamedFolder } from "./stream.js";

const EXPECTED = "expected the URL of a model folder, { files } or a function (name, range, signal) => Response";

/**
 * What the crate reads the model through. Its `close` ends whatever is still under way.
 * @param {any} source
 * @param {{signal?: AbortSignal, progress?: import("./tally.js").OnProgress, patience?: import("./retry.js").Patience}} options
 * @returns {StreamedFolder | LocalFolder}
 */
export function openSource(source, options) {
  if (typeof source === "string" || source instanceof URL) return new StreamedFolder(new HttpFolder(source), options);
  if (typeof source === "function") return new StreamedFolder(new CustomFolder(source), options);
  // An array or a FileList has no names to check: what was meant is the object around it.
  if (source === null || typeof source !== "object" || "length" in source) {
    throw new Pali3Error("InvalidInput", `source: ${EXPECTED}, found ${described(source)}`);
  }
  const { files } = checked(SOURCE_KEYS, source, "source", "InvalidInput");
  if (files === undefined) throw new Pali3Error("InvalidInput", `source: ${EXPECTED}, found ${described(source)} without files`);
  return new LocalFolder(files, options);
}
