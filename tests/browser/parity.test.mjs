// The native parity tests' own bodies, in the browser: every named intermediate of every case against the reference's
// recorded values, on WebGPU and on the CPU. An error that the GPU reports fails the case that caused it.
import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { ROOT, start } from "./chromium.mjs";

let browser, page, cases;

/** Files below a fixture folder, as paths that begin with its name. */
async function filesOf(folder) {
  const entries = await readdir(join(ROOT, "tests/fixtures", folder), { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name).slice(join(ROOT, "tests/fixtures/").length));
}

before(async () => {
  browser = await start();
  page = await browser.newPage();
  await page.goto(`${browser.url}/fixtures/presets.json`);
  cases = await page.evaluate(async () => {
    const wasm = await import("/wasm-testing/pali3.js");
    await wasm.default();
    globalThis.run = async (name, device, files) => {
      const contents = new Map();
      for (const file of files) contents.set(file, new Uint8Array(await (await fetch(`/fixtures/${file}`)).arrayBuffer()));
      const panicked = new Promise((_, reject) => wasm.start((message) => reject(new Error(message))));
      try {
        return { checks: await Promise.race([wasm.runParity(name, device, (file) => contents.get(file) ?? null), panicked]) };
      } catch (error) {
        return { error: `${error.code ?? ""} ${error.message ?? error}` };
      }
    };
    return wasm.parityCases();
  });
});
after(() => browser.stop());

async function run(name, device, folder) {
  const files = folder === null ? [] : await filesOf(folder);
  const { checks, error } = await page.evaluate(([name, device, files]) => run(name, device, files), [name, device, files]);
  assert.equal(error, undefined);
  const found = JSON.parse(checks);
  assert.ok(found.length > 0, "nothing was compared");
  // JSON has no infinity: what could not be compared is null.
  const off = found.filter(({ max_abs_error, tolerance }) => max_abs_error === null || !(max_abs_error <= tolerance));
  assert.deepEqual(off, [], `${off.length} of ${found.length} checks are off`);
  return `${found.length} checks, at most ${Math.max(...found.map(({ max_abs_error }) => max_abs_error)).toExponential(1)} off`;
}

/** What `src/testing` has; the last test holds this list against the module's own. */
const MODELS = [
  "siglip-patch14",
  "siglip-patch16",
  "siglip-nonsquare",
  "siglip-two-towers",
  "t5-gated-gelu-untied",
  "t5-gated-silu-tied",
  "t5-relu-tied",
  "t5-padded",
  "mt5-prompts",
  "pali3-prepend",
  "pali3-tied-no-bias",
];
const KERNELS = ["kernels"];
const PREPROCESSING = ["alpha", "resizing", "pixel_values", "tokenization"];

for (const device of ["cpu", "webgpu"]) {
  describe(`model parts on ${device}`, () => {
    for (const name of MODELS) test(name, async (t) => t.diagnostic(await run(name, device, name)));
  });

  // Every shader passes the browser's own checks here, which refuse some that other drivers take.
  describe(`kernels on ${device}`, () => {
    for (const name of KERNELS) test(name, async (t) => t.diagnostic(await run(name, device, null)));
  });
}

describe("pictures and text", () => {
  for (const name of PREPROCESSING) test(name, async (t) => t.diagnostic(await run(name, "cpu", "preprocessing")));
});

test("no case is left out", () => assert.deepEqual(cases, [MODELS, KERNELS, PREPROCESSING]));
