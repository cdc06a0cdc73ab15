// The package in Firefox, as a page without a bundler takes it: in a worker on the CPU, out of the private file system,
// and on WebGPU where the browser is told to have it.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { after, before, describe, test } from "node:test";
import puppeteer from "puppeteer-core";
import { MOUNTS, serve } from "../../scripts/serve.mjs";
import { compare } from "../browser/cases.mjs";

const EXECUTABLE = process.env.PALI3_FIREFOX ?? ["/usr/bin/firefox-esr", "/usr/bin/firefox"].find(existsSync);
const MODEL = "/models/pali3-tiny-q4/";
/** The crate with its own tests' bodies. */
const TESTS = resolve(import.meta.dirname, "../../target/wasm-testing");
const SAMPLES = JSON.parse(await readFile(resolve(import.meta.dirname, "../../www/samples/samples.json"), "utf8"));
/** The shipped model errs in one question out of eight or so; these three it knows. */
const EASY = { ...SAMPLES[0], questions: SAMPLES[0].questions.slice(0, 3) };
const expected = EASY.questions.map(({ answer }) => answer);
/** Off in Firefox on Linux so far; on Mesa's software Vulkan where there is no graphics card. */
const WEBGPU = { "dom.webgpu.enabled": true, "dom.webgpu.workers.enabled": true, "gfx.webgpu.ignore-blocklist": true };

let site, browser, page, log, asked;

/** @param {Record<string, boolean>} [preferences] */
async function open(preferences = {}) {
  asked = [];
  log = [];
  site = await serve({
    mounts: { ...MOUNTS, "/wasm-testing/": TESTS },
    handle(request, response) {
      if (request.url.startsWith(MODEL)) asked.push(`${request.method} ${request.url.slice(MODEL.length)}`);
      if (request.url !== "/blank") return false;
      response.writeHead(200, { "Content-Type": "text/html" }).end('<!doctype html><title>blank</title><link rel="icon" href="data:,">');
      return true;
    },
  });
  browser = await puppeteer.launch({ browser: "firefox", executablePath: EXECUTABLE, headless: true, extraPrefsFirefox: preferences });
  page = await browser.newPage();
  page.setDefaultTimeout(120_000);
  page.on("console", (message) => log.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => log.push(`uncaught: ${error.message}`));
  await page.goto(`${site.url}/blank`);
  await page.evaluate(async () => Object.assign(globalThis, await import("/pkg/index.js")));
}

async function close() {
  await browser?.close();
  site?.server.closeAllConnections();
  site?.server.close();
}

/** Loads the model, asks all questions about pictures, and lets go. @param {Record<string, unknown>} options */
function answers(options, samples = [EASY]) {
  const work = async (model, samples, options) => {
    const loaded = await Pali3.load(model, options);
    const texts = [];
    for (const { file, questions } of samples) {
      const image = await loaded.encodeImage(`/samples/${file}`);
      for (const { question: prompt } of questions) texts.push((await loaded.generate({ image, prompt })).text);
      image.dispose();
    }
    const { device, worker, cached } = loaded;
    await loaded.dispose();
    return { texts, device, worker, cached };
  };
  return page.evaluate(work, MODEL, samples, options);
}

/** What a call in the page fails with. */
function failure(work) {
  const told = ({ name, code, message, constructor }) => ({ name, code, message, typed: constructor.prototype instanceof Pali3Error });
  return page.evaluate(`(${work})().then(() => null, ${told})`);
}

describe("Firefox", { skip: EXECUTABLE ? false : "there is no Firefox; PALI3_FIREFOX may name its executable" }, () => {
  describe("as it is installed", () => {
    before(() => open());
    after(close);

    test("says what it can do", async (t) => {
      t.diagnostic(await browser.version());
      const { supported, webgpu } = await page.evaluate(() => Pali3.isSupported());
      assert.equal(supported, true);
      assert.equal(webgpu, await page.evaluate(async () => Boolean(await navigator.gpu?.requestAdapter())));
    });

    test("answers in a worker on the CPU", async () => {
      assert.deepEqual(await answers({ device: "cpu" }), { texts: expected, device: "cpu", worker: true, cached: true });
      assert.ok(asked.some((request) => request.startsWith("GET ") && request.endsWith(".safetensors")));
    });

    test("loads again from the private file system, without fetching a file of the model", async () => {
      const [stored] = await page.evaluate(() => Pali3.cache.list().then((all) => all.map(({ source, complete }) => ({ source, complete }))));
      assert.deepEqual(stored, { source: `${site.url}${MODEL}`, complete: true });
      asked.length = 0;
      assert.deepEqual(await answers({ device: "cpu" }), { texts: expected, device: "cpu", worker: true, cached: true });
      assert.ok(asked.length > 0);
      assert.deepEqual(asked.filter((request) => !request.startsWith("HEAD ")), []);
    });

    test("loads again after the page was left and the browser's memory of it has gone", async () => {
      await page.reload();
      await page.evaluate(async () => Object.assign(globalThis, await import("/pkg/index.js")));
      asked.length = 0;
      assert.deepEqual(await answers({ device: "cpu" }), { texts: expected, device: "cpu", worker: true, cached: true });
      assert.deepEqual(asked.filter((request) => !request.startsWith("HEAD ")), []);
      assert.equal(await page.evaluate(() => Pali3.cache.delete("/models/pali3-tiny-q4/")), true);
      assert.equal(await page.evaluate(() => Pali3.cache.size()), 0);
    });

    test("answers on the page's own thread", async () => {
      const { texts, worker } = await answers({ device: "cpu", worker: false, cache: false });
      assert.deepEqual([texts, worker], [expected, false]);
    });

    test("answers about every picture, rightly as often as elsewhere", async () => {
      const { texts } = await answers({ device: "cpu" }, SAMPLES);
      const right = SAMPLES.flatMap(({ questions }) => questions).map(({ answer }, i) => answer === texts[i]);
      const share = right.filter(Boolean).length / right.length;
      assert.ok(share > 0.85, `${share} of the answers`);
    });

    test("fails with typed errors, and works on", async () => {
      const typed = async (work) => {
        const { name, code, typed } = await failure(work);
        assert.deepEqual([name, typed], [code === "Aborted" ? "AbortError" : `${code}Error`, true]);
        return code;
      };
      assert.equal(await typed(() => Pali3.load("/nothing/")), "NotFound");
      assert.equal(await typed(() => Pali3.load("/models/pali3-tiny-q4/", { workerUrl: "/nothing.js" })), "Network");
      assert.equal(await typed(() => Pali3.load("/models/pali3-tiny-q4/", { wasmUrl: "/nothing/" })), "Network");
      assert.equal(await typed(() => Pali3.load("/models/pali3-tiny-q4/", { divice: "cpu" })), "InvalidOption");
      assert.equal(await typed(() => Pali3.load("/models/pali3-tiny-q4/", { signal: AbortSignal.abort() })), "Aborted");
      const noPicture = async () => (await Pali3.load("/models/pali3-tiny-q4/", { device: "cpu" })).encodeImage(new Blob(["no picture"]));
      assert.equal(await typed(noPicture), "InvalidInput");
      assert.deepEqual((await answers({ device: "cpu" })).texts, expected);
    });

    test("either has WebGPU or says that it has none", async () => {
      if (await page.evaluate(() => Pali3.isSupported().then(({ webgpu }) => webgpu))) {
        assert.deepEqual((await answers({ device: "webgpu" })).texts, expected);
      } else {
        const { code, message } = await failure(() => Pali3.load("/models/pali3-tiny-q4/", { device: "webgpu" }));
        assert.equal(code, "WebGPUUnavailable");
        assert.match(message, /^WebGPU is not available: .*device: "cpu" works without it$/);
      }
    });

    test("has had nothing to complain about but the scripts that are not there", () => {
      assert.deepEqual(log.filter((line) => !line.includes("/nothing")), []);
    });
  });

  describe("with WebGPU", () => {
    before(() => open(WEBGPU));
    after(close);

    test("answers on WebGPU, in a worker and on the page's own thread", async (t) => {
      const adapter = await page.evaluate(async () => Boolean(await navigator.gpu?.requestAdapter()));
      if (!adapter) return t.skip("Firefox finds no adapter here");
      for (const worker of [true, false]) {
        const { texts, ...where } = await answers({ device: "webgpu", worker });
        assert.deepEqual([texts, where.device, where.worker], [expected, "webgpu", worker]);
      }
      assert.deepEqual(log, []);
    });

    // Chromium's software adapter has no shader-f16; Mesa's has it.
    test("computes on scales read as halves what the processor computes", async (t) => {
      const features = await page.evaluate(async () => [...((await navigator.gpu?.requestAdapter())?.features ?? [])]);
      if (!features.includes("shader-f16")) return t.skip("Firefox finds no adapter with shader-f16 here");
      const { names, summary } = await compare(page, "kernels", "webgpu");
      assert.ok(names.some((name) => name.endsWith("hardware + f16")), "no kernel used shader-f16");
      t.diagnostic(summary);
      assert.deepEqual(log, []);
    });
  });
});
