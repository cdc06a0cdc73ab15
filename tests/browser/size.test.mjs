// What a visitor downloads before any weights, against what is on record in docs/size.json.
import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { brotliCompressSync, constants } from "node:zlib";
import { ROOT } from "./chromium.mjs";

/** As servers and CDNs compress what they keep: the best that brotli does. */
function brotli(bytes) {
  const { BROTLI_PARAM_QUALITY, BROTLI_PARAM_LGWIN, BROTLI_PARAM_SIZE_HINT } = constants;
  return brotliCompressSync(bytes, { params: { [BROTLI_PARAM_QUALITY]: 11, [BROTLI_PARAM_LGWIN]: 24, [BROTLI_PARAM_SIZE_HINT]: bytes.length } }).length;
}

test("the download is not larger than what is on record, but for 5 %", async (t) => {
  const recorded = JSON.parse(await readFile(join(ROOT, "docs/size.json"), "utf8"));
  const found = { cpu: { raw: 0, brotli: 0 }, webgpu: { raw: 0, brotli: 0 }, javascript: { raw: 0, brotli: 0 } };
  for (const file of await readdir(join(ROOT, "pkg"), { recursive: true })) {
    const kind = /pali3_(\w+)_bg\.wasm$/.exec(file)?.[1] ?? (file.endsWith(".js") ? "javascript" : null);
    if (kind === null) continue;
    const bytes = await readFile(join(ROOT, "pkg", file));
    found[kind].raw += bytes.length;
    found[kind].brotli += brotli(bytes);
  }
  t.diagnostic(JSON.stringify(found));
  for (const [kind, sizes] of Object.entries(recorded)) {
    for (const [how, bytes] of Object.entries(sizes)) {
      assert.ok(found[kind][how] <= 1.05 * bytes, `${kind} ${how}: ${found[kind][how]} bytes, ${bytes} on record`);
    }
  }
});
