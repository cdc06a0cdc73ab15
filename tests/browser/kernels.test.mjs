// Every kernel's source against Dawn's compiler, Chromium's own, also those for features that the tests' adapter has not:
// a device that computes nothing grants them all.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { create } from "webgpu";
import { kernelSources, initSync } from "../../target/wasm-testing/pali3_webgpu.js";
import { ROOT } from "./chromium.mjs";

let device, sources;

before(async () => {
  initSync({ module: await readFile(join(ROOT, "target/wasm-testing/pali3_webgpu_bg.wasm")) });
  sources = kernelSources();
  const adapter = await create(["backend=null"]).requestAdapter();
  device = await adapter.requestDevice({ requiredFeatures: ["shader-f16", "subgroups"] });
});
after(() => device.destroy());

/** What Dawn says against a source. */
async function problem(code) {
  device.pushErrorScope("validation");
  const module = device.createShaderModule({ code });
  device.createComputePipeline({ layout: "auto", compute: { module } });
  return (await device.popErrorScope())?.message;
}

test("Dawn takes every kernel", async () => {
  const names = new Set(sources.map(([name]) => name));
  assert.equal(names.size, sources.length);
  for (const [name, code] of sources) assert.equal(await problem(code), undefined, name);
});

test("among them are those for halves and for subgroups, which Dawn checks as well", async () => {
  for (const feature of ["f16", "subgroups"]) {
    const enable = `enable ${feature};`;
    const using = sources.filter(([, code]) => code.includes(enable));
    assert.ok(using.length > 10, `${using.length} kernels with ${feature}`);
  }
  const [, code] = sources.find(([, code]) => code.includes("f32(scales0["));
  assert.match(await problem(code.replace("enable f16;", "")), /f16/);
  const [, sum] = sources.find(([, code]) => code.includes("subgroupAdd("));
  // In a branch that threads of one subgroup take differently.
  assert.match(await problem(sum.replace("share(subgroupAdd(part));", "if (thread < 3u) { share(subgroupAdd(part)); }")), /uniform/);
});
