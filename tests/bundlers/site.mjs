// Pages of the builds, in headless Chromium, behind a server that forbids what it can.
import assert from "node:assert/strict";
import { start } from "../browser/chromium.mjs";
import { serve } from "../../scripts/serve.mjs";
import { ANSWER, QUESTION, SHIPPED } from "./project.mjs";

/** The strictest policy that WebAssembly, a worker, pictures and a style sheet of one's own work under. */
export const HEADERS = {
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; img-src 'self' blob:; style-src 'self'",
};

/** On each device, in a worker; and on the page's own thread. */
export const EVERY_WAY = [{ device: "cpu" }, { device: "cpu", worker: false }, { device: "webgpu" }];

/** In the generated bindings, minified or not, and nowhere else. */
const BINDINGS = /__wbindgen_/;

const browser = await start();
export const stop = () => browser.stop();

/**
 * Serves folders beside model and pictures until a test ends, and gives the address.
 * @param {import("node:test").TestContext} test
 * @param {Record<string, string>} mounts
 * @param {Record<string, string>} [headers]
 */
export async function site(test, mounts, headers = HEADERS) {
  const { server, url } = await serve({ mounts: { ...SHIPPED, ...mounts }, headers });
  test.after(() => (server.closeAllConnections(), void server.close()));
  return `${url}/`;
}

/** What a page answers, or how it fails. A worker that says nothing must not keep the tests. */
function asked(page, options, prompt) {
  const work = ([options, prompt]) => {
    const late = new Promise((_, failed) => setTimeout(() => failed(new Error("no answer for a minute")), 60_000));
    return Promise.race([ask(options, prompt), late]).catch(({ name, code, message }) => ({ name, code, message }));
  };
  return page.evaluate(work, [options, prompt]);
}

/**
 * Opens a page and asks it the question once for each of `ways`. It has to answer, to be quiet, and to fetch the
 * module of its device only then.
 * @param {string} url
 * @param {Record<string, unknown>[]} ways options of load
 * @param {{apart?: boolean}} [page] whether the bindings, too, come only then
 */
export async function assertAnswers(url, ways = EVERY_WAY, { apart = true } = {}) {
  const page = await browser.newPage();
  try {
    /** @type {Promise<{url: string, text: string}>[]} */
    const scripts = [];
    const wasm = [];
    page.on("response", (response) => {
      if (response.url().endsWith(".wasm")) wasm.push(response.url());
      if (response.request().resourceType() === "script") scripts.push(response.text().then((text) => ({ url: response.url(), text })));
    });
    await page.goto(url);
    await page.waitForFunction(() => globalThis.ask);
    const before = await Promise.all(scripts);
    assert.ok(before.length > 0);
    const withBindings = before.filter(({ text }) => BINDINGS.test(text)).map(({ url }) => url);
    assert.equal(withBindings.length, apart ? 0 : 1, `the bindings come with ${withBindings}`);
    assert.deepEqual(wasm, [], "a module came with the page");

    const devices = new Set();
    for (const options of ways) {
      const { device, worker = true } = options;
      devices.add(device);
      assert.deepEqual(await asked(page, options, QUESTION), { text: ANSWER, device, worker }, JSON.stringify(options));
      assert.equal(new Set(wasm).size, devices.size, `one module for each device: ${wasm}`);
    }
    if (ways.some(({ worker }) => worker === false)) {
      assert.ok((await Promise.all(scripts)).some(({ text }) => BINDINGS.test(text)), "the bindings can be told apart");
    }
    assert.deepEqual(page.log.filter((line) => !line.startsWith("debug: [vite]")), []);
  } finally {
    await page.close();
  }
}

/** What a page that cannot answer says. @param {string} url @param {Record<string, unknown>} options */
export async function failure(url, options) {
  const page = await browser.newPage();
  try {
    await page.goto(url);
    await page.waitForFunction(() => globalThis.ask);
    return await asked(page, options, "");
  } finally {
    await page.close();
  }
}
