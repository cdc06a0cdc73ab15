// What a visitor downloads before any weights, against what is on record in docs/size.json.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdir, readFile, readdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { promisify } from "node:util";
import { brotliCompress, constants } from "node:zlib";
import { ROOT } from "./chromium.mjs";

/** Sizes that were found before, a file each, called by the hash of what was compressed: the best brotli takes its time. */
const FOUND = join(ROOT, "target/brotli");
const compress = promisify(brotliCompress);

/** Bytes of a file as servers and CDNs compress what they keep: the best that brotli does. */
async function brotli(bytes) {
  const found = join(FOUND, createHash("sha256").update(bytes).digest("hex"));
  const known = await readFile(found, "utf8").catch(() => null);
  if (known !== null) return Number(known);
  const { BROTLI_PARAM_QUALITY, BROTLI_PARAM_LGWIN, BROTLI_PARAM_SIZE_HINT } = constants;
  const params = { [BROTLI_PARAM_QUALITY]: 11, [BROTLI_PARAM_LGWIN]: 24, [BROTLI_PARAM_SIZE_HINT]: bytes.length };
  const { length } = await compress(bytes, { params });
  await mkdir(FOUND, { recursive: true });
  // Under its name only when it is whole.
  await writeFile(`${found}.${process.pid}`, String(length));
  await rename(`${found}.${process.pid}`, found);
  return length;
}

/** What a visitor fetches at most, module and JavaScript, in bytes with brotli. */
const LIMIT = 1_600_000;

/** The files of the package that a device needs, by what they are: all JavaScript, but not the other device's module. */
async function files(device) {
  const all = await readdir(join(ROOT, "pkg"), { recursive: true });
  return { module: all.filter((file) => file.endsWith(`pali3_${device}_bg.wasm`)), javascript: all.filter((file) => file.endsWith(".js")) };
}

async function size(files) {
  const contents = await Promise.all(files.map((file) => readFile(join(ROOT, "pkg", file))));
  const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);
  return { raw: sum(contents.map(({ length }) => length)), brotli: sum(await Promise.all(contents.map(brotli))) };
}

// Both at once: compressing takes a thread each.
describe("sizes", { concurrency: true }, () => {
  for (const device of ["cpu", "webgpu"]) {
    test(`the download for ${device} is not larger than what is on record, but for 5 %, and that is within the limit`, async (t) => {
      const recorded = JSON.parse(await readFile(join(ROOT, "docs/size.json"), "utf8"))[device];
      const { module, javascript } = await files(device);
      const found = { module: await size(module), javascript: await size(javascript) };
      t.diagnostic(JSON.stringify(found));
      for (const [part, sizes] of Object.entries(recorded)) {
        for (const [how, bytes] of Object.entries(sizes)) {
          assert.ok(found[part][how] <= 1.05 * bytes, `${part} ${how}: ${found[part][how]} bytes, ${bytes} on record`);
        }
      }
      const total = recorded.module.brotli + recorded.javascript.brotli;
      assert.ok(total <= LIMIT, `${total} bytes on record, at most ${LIMIT}`);
    });
  }
});
