// @ts-check
// A model folder on Node's disk, as a source function.

/** Node's file system; undefined in browsers. */
const files = () => /** @type {any} */ (globalThis).process?.getBuiltinModule?.("node:fs");

/** Whether a URL means a folder that can be read here without a server. @param {URL} url */
export function onDisk(url) {
  return url.protocol === "file:" && files()?.openAsBlob !== undefined;
}

/**
 * @param {URL} folder
 * @returns {(name: string, range?: import("./stream.js").ByteRange) => Promise<Response | null>}
 */
export function diskSource(folder) {
  return async (name, range) => {
    const address = new URL(name.split("/").map(encodeURIComponent).join("/"), folder);
    // Asked first: what `openAsBlob` throws does not tell a file that is missing from one that cannot be read.
    if (!files().existsSync(address)) return null;
    const blob = await files().openAsBlob(address);
    if (range === undefined) return new Response(blob);
    const end = Math.min(range.end, blob.size);
    const headers = { "Content-Range": `bytes ${range.start}-${end - 1}/${blob.size}` };
    return new Response(blob.slice(range.start, end), { status: 206, headers });
  };
}
