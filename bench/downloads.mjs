// How many bytes a visitor's browser fetches: of code, as they are and with brotli, and of weights.
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants } from "node:zlib";

const compress = (bytes) => promisify(brotliCompress)(bytes, { params: { [constants.BROTLI_PARAM_LGWIN]: 24 } });

/**
 * For each row of the results, `{code, brotli, weights}` in bytes, from the files that its page asked for.
 * `cache` is a file of sizes: compressing a runtime at brotli's best (quality 11, window 24) takes a minute.
 */
export async function downloads(rows, mounts, cache) {
  const known = existsSync(cache) ? JSON.parse(readFileSync(cache, "utf8")) : {};
  const sizes = [];
  for (const { library, device, dtype, model, files = [] } of rows) {
    const size = { library, device, dtype, model, code: 0, brotli: 0, weights: 0 };
    for (const path of files) {
      const file = locate(path, mounts);
      if (!/^\/(models|peer|pkg)\//.test(path) || !existsSync(file)) continue;
      const { size: bytes, mtimeMs } = statSync(file);
      if (path.startsWith("/models/")) {
        if (!path.endsWith("/reference.safetensors")) size.weights += bytes;
        continue;
      }
      const key = `${path} ${bytes} ${mtimeMs}`;
      known[key] ??= (await compress(readFileSync(file))).length;
      size.code += bytes;
      size.brotli += known[key];
    }
    sizes.push(size);
  }
  writeFileSync(cache, JSON.stringify(known, null, 1));
  return sizes;
}

function locate(path, mounts) {
  const prefix = Object.keys(mounts).filter((p) => path.startsWith(p)).sort((a, b) => b.length - a.length)[0];
  return join(mounts[prefix], path.slice(prefix.length));
}
