// When WebAssembly itself stops: every call under way gets a typed error, and the next load starts a fresh instance.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { ROOT, start } from "./chromium.mjs";

let browser, page;
before(async () => {
  // The module with the provocations in the place of the package's own.
  browser = await start({ "/pkg/wasm/": join(ROOT, "target/wasm-testing") });
});
after(() => browser.stop());

beforeEach(async () => {
  page = await browser.newPage();
  await page.goto(`${browser.url}/pkg/package.json`);
});

for (const [provocation, message] of [
  ["provokePanic", /panicked at .*testing\.rs.*provoked/s],
  ["provokeTrap", /WebAssembly stopped: unreachable/],
]) {
  test(`${provocation}: typed errors, then a fresh instance`, async () => {
    const { errors, stale, tokens } = await page.evaluate(async (provocation) => {
      const { Pali3 } = await import("/pkg/index.js");
      const { runtime } = await import("/pkg/lib/runtime.js");
      const folder = "/fixtures/pali3-prepend/";
      const told = (error) => ({ name: error.name, code: error.code, message: error.message });
      const model = await Pali3.load(folder, { device: "cpu" });
      const first = await runtime();
      // Two calls under way at once: the one that stops the module, and one that only waits.
      const errors = await Promise.all(
        [first.call(() => first.bindings[provocation]()), first.call(() => new Promise(() => {}))].map((call) => call.then(() => null, told)),
      );
      const stale = await model.generate({ prompt: "red" }).then(() => null, told);
      await model.dispose();
      const again = await Pali3.load(folder, { device: "cpu" });
      const { tokenIds } = await again.generate({ prompt: "red", maxNewTokens: 4 });
      return { errors, stale, tokens: tokenIds.length };
    }, provocation);
    for (const error of [...errors, stale]) {
      assert.deepEqual([error?.name, error?.code], ["Pali3Error", "Internal"]);
      assert.match(error.message, message);
      assert.match(error.message, /load the model again$/);
    }
    assert.equal(tokens, 4);
    await page.close();
  });
}
