// The native parity tests' own bodies, in the browser: every named intermediate of every case against the reference's
// recorded values, on WebGPU and on the CPU. An error that the GPU reports fails the case that caused it.
import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { compare } from "./cases.mjs";
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
    const wasm = await import("/wasm-testing/pali3_cpu.js");
    await wasm.default();
    return wasm.parityCases();
  });
});
after(() => browser.stop());

async function run(name, device, folder) {
  return (await compare(page, name, device, await filesOf(folder))).summary;
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
    for (const kernels of KERNELS)
      test(kernels, async (t) => {
        const { names, summary } = await compare(page, kernels, device);
        t.diagnostic(summary);
        // Those that need what the browser has only been asked for on the way.
        assert.equal(names.some((name) => name.includes("software + quads")), device === "webgpu");
      });
  });
}

describe("pictures and text", () => {
  for (const name of PREPROCESSING) test(name, async (t) => t.diagnostic(await run(name, "cpu", "preprocessing")));
});

test("no case is left out", () => assert.deepEqual(cases, [MODELS, KERNELS, PREPROCESSING]));
