// @ts-check
// The reader for each kind of model source. What the caller gave has been checked by then (api/source.js).
import { CustomFolder } from "./custom.js";
import { LocalFolder, withPaths } from "./files.js";
import { HttpFolder } from "./http.js";
import { StreamedFolder } from "./stream.js";

/**
 * What the crate reads the model through. Its `close` ends whatever is still under way.
 * @param {any} source the URL of a folder, a function, or `{ files }`
 * @param {{signal?: AbortSignal, progress?: import("./tally.js").OnProgress, patience?: import("./patience.js").Patience}} options
 * @returns {StreamedFolder | LocalFolder}
 */
export function openSource(source, options) {
  if (typeof source === "string" || source instanceof URL) return new StreamedFolder(new HttpFolder(source), options);
  if (typeof source === "function") return new StreamedFolder(new CustomFolder(source), options);
  return new LocalFolder(withPaths(source.files), options);
}
