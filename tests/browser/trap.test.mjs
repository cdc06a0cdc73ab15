// When WebAssembly itself stops: every call under way gets a typed error, and the next one starts a fresh instance.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { ROOT, start } from "./chromium.mjs";

let browser, page;
before(async () => {
  browser = await start();
});
after(() => browser.stop());

beforeEach(async () => {
  page = await browser.newPage();
  // The module with the provocations in the place of the package's own.
  await page.route(/\/pkg\/wasm\/(pali3_cpu\.js|pali3_bg\.wasm)$/, (route) => {
    const file = route.request().url().endsWith(".js") ? "pali3.js" : "pali3_bg.wasm";
    return route.fulfill({ path: join(ROOT, "target/wasm-testing", file) });
  });
  await page.goto(`${browser.url}/pkg/package.json`);
});

for (const [provocation, message] of [
  ["provokePanic", /panicked at .*testing\.rs.*provoked/s],
  ["provokeTrap", /WebAssembly stopped: unreachable/],
]) {
  test(`${provocation}: typed errors, then a fresh instance`, async () => {
    const { errors, tokens } = await page.evaluate(async (provocation) => {
      const { Pali3 } = await import("/pkg/index.js");
      const { runtime } = await import("/pkg/lib/engine/runtime.js");
      const told = (error) => ({ name: error.name, code: error.code, message: error.message });
      const model = await Pali3.load("/fixtures/pali3-prepend/", { device: "cpu", worker: false });
      const image = await model.encodeImage("/fixtures/pali3-prepend/image.png");
      const ask = async () => (await model.generate({ image, prompt: "red", maxNewTokens: 4 })).tokenIds;
      const before = await ask();
      const first = await runtime("cpu", {});
      // Two calls under way at once: the one that stops the module, and one that only waits.
      const stopped = [() => first.bindings[provocation](), () => new Promise(() => {})].map((work) => first.call(work));
      const errors = await Promise.all(stopped.map((call) => call.then(() => null, told)));
      // The next call starts a fresh instance by itself, with the pictures that there were.
      return { errors, tokens: [before, await ask()] };
    }, provocation);
    for (const error of errors) {
      assert.deepEqual([error?.name, error?.code], ["InternalError", "Internal"]);
      assert.match(error.message, message);
      assert.match(error.message, /the next call starts the model anew$/);
    }
    assert.deepEqual(tokens[1], tokens[0]);
    await page.close();
  });
}
