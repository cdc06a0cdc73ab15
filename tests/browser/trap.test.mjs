// When WebAssembly itself stops: every call under way gets a typed error, and the next one starts a fresh instance.
import assert from "node:assert/strict";
import { basename, join } from "node:path";
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
  await page.route(/\/pkg\/wasm\/pali3_cpu[^/]*$/, (route) => {
    return route.fulfill({ path: join(ROOT, "target/wasm-testing", basename(new URL(route.request().url()).pathname)) });
  });
  await page.goto(`${browser.url}/pkg/package.json`);
});

test("another module that stops on the same thread is none of ours", async () => {
  const { ids, again, under, seen } = await page.evaluate(async () => {
    const { Pali3 } = await import("/pkg/index.js");
    const { runtime } = await import("/pkg/lib/engine/runtime.js");
    const model = await Pali3.load("/fixtures/pali3-prepend/", { device: "cpu", worker: false });
    // (module (func (export "f") unreachable)), from bytes as most libraries compile theirs.
    const bytes = [0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 7, 5, 1, 1, 102, 0, 0, 10, 5, 1, 3, 0, 0, 11];
    const { instance } = await WebAssembly.instantiate(new Uint8Array(bytes));
    const seen = [];
    addEventListener("error", (event) => seen.push([event.error instanceof WebAssembly.RuntimeError, event.defaultPrevented]));
    const ask = (options) => model.generate({ image: "/fixtures/pali3-prepend/image.png", prompt: "red", maxNewTokens: 8, ...options });
    // A call of the model's that is under way all the time.
    let end;
    const calling = (await runtime("cpu", {})).call(() => new Promise((done) => (end = done)));
    const answer = ask();
    setTimeout(() => instance.exports.f());
    const { tokenIds: ids } = await answer;
    await new Promise((done) => setTimeout(done, 50));
    end("went on");
    return { ids, under: await calling, again: (await ask()).tokenIds, seen };
  });
  assert.ok(ids.length > 0);
  assert.deepEqual([again, under], [ids, "went on"]);
  // The page hears of it, as of any error.
  assert.deepEqual(seen, [[true, false]]);
  await page.close();
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
