// Loading: progress, servers of all kinds, and everything that can be wrong with a folder or an option. After each of them the
// good model still loads and answers.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { ROOT } from "./chromium.mjs";
import { FIXTURE, MODEL, close, fails, open, openPage, page, prompt, recorded, value } from "./library.mjs";
import { png } from "./png.mjs";

before(open);
after(close);

describe("loading", () => {
  before(() => openPage("cpu"));
  after(() => page.close());
  /** After every refusal: the good model still loads and answers. */
  const stillWorks = async () => {
    const ids = await value(async (prompt) => {
      const model = await load();
      const { tokenIds } = await model.generate({ prompt, maxNewTokens: 16 });
      await model.dispose();
      return tokenIds;
    }, prompt());
    assert.deepEqual(ids, recorded("text-only", "greedy").sequences[0]);
  };

  test("progress rises and ends with ready", async () => {
    const events = await value(async () => {
      const events = [];
      await (await load({ onProgress: (event) => events.push(event) })).dispose();
      return events;
    });
    for (const phase of ["download", "upload", "ready"]) assert.ok(events.some((event) => event.phase === phase), phase);
    const [first, ...rest] = events;
    const last = events.at(-1);
    // The first tells how much there is, before any of it has come.
    assert.ok(first.totalBytes > 250_000);
    assert.deepEqual(first, { phase: "download", file: "", loaded: 0, total: 0, totalLoaded: 0, totalBytes: first.totalBytes });
    assert.deepEqual(last, { phase: "ready", file: "", loaded: 1, total: 1, totalLoaded: first.totalBytes, totalBytes: first.totalBytes });
    assert.ok(rest.every(({ loaded, total }) => loaded <= total && total > 0), JSON.stringify(events));
    assert.ok(events.every(({ totalLoaded, totalBytes }, i) => totalBytes === first.totalBytes && totalLoaded >= (events[i - 1]?.totalLoaded ?? 0)));
    const uploads = events.filter(({ phase }) => phase === "upload").map(({ loaded }) => loaded);
    assert.deepEqual(uploads, uploads.toSorted((a, b) => a - b));
  });

  test("WebGPU's kernels are compiled while loading, and it says how far", async () => {
    const steps = await value(async () => {
      const steps = [];
      await (await load({ device: "webgpu", onProgress: ({ phase, loaded, total }) => phase === "compile" && steps.push([loaded, total]) })).dispose();
      return steps;
    });
    assert.deepEqual(steps, [[1, 4], [2, 4], [3, 4], [4, 4]]);
  });

  test("a server without Range requests serves as well", async () => {
    await page.route("**/*", (route) => {
      const headers = { ...route.request().headers() };
      delete headers.range;
      return route.continue({ headers });
    });
    const statuses = new Set();
    const note = (response) => response.url().endsWith("model.safetensors") && statuses.add(response.status());
    page.on("response", note);
    await stillWorks();
    page.off("response", note);
    await page.unroute("**/*");
    assert.deepEqual([...statuses], [200]);
  });

  test("a sharded folder loads", async () => {
    const other = JSON.parse(await readFile(join(ROOT, "tests/fixtures/pali3-tied-no-bias/reference.json"), "utf8"));
    const expected = other.generation.find(({ name, variant }) => name === "greedy" && variant === "text-only");
    const { maxNewTokens, text } = { maxNewTokens: expected.options.max_new_tokens, text: other.variants.find(({ name }) => name === "text-only").prompts[0] };
    const ids = await value(
      async ([text, maxNewTokens]) => {
        const model = await Pali3.load("/fixtures/pali3-tied-no-bias/", { device });
        const { tokenIds } = await model.generate({ prompt: text, maxNewTokens });
        await model.dispose();
        return tokenIds;
      },
      [text, maxNewTokens],
    );
    assert.deepEqual(ids, expected.sequences[0]);
  });

  test("a missing folder", async () => {
    await fails("NotFound", /no-such-model\/config\.json/, () => Pali3.load("/no-such-model/", { device }));
    await stillWorks();
  });

  test("a missing file", async () => {
    await page.route("**/tokenizer.json", (route) => route.fulfill({ status: 404 }));
    await fails("NotFound", /tokenizer\.json/, () => load());
    await page.unroute("**/tokenizer.json");
    await stillWorks();
  });

  test("a server that fails", async () => {
    await page.route("**/config.json", (route) => route.fulfill({ status: 503 }));
    await fails("Network", /config\.json: HTTP 503/, () => load({ cache: false }));
    await page.unroute("**/config.json");
    await page.route("**/config.json", (route) => route.abort());
    await fails("Network", /config\.json/, () => load({ cache: false }));
    await page.unroute("**/config.json");
    await stillWorks();
  });

  test("an unknown model_type", async () => {
    await page.route("**/config.json", (route) => route.fulfill({ json: { model_type: "llava" } }));
    await fails("UnsupportedModel", /model_type.*llava/, () => load());
    await page.unroute("**/config.json");
    await stillWorks();
  });

  test("a configuration that is none", async () => {
    await page.route("**/config.json", (route) => route.fulfill({ body: "<!doctype html>" }));
    await fails("Integrity", /config\.json/, () => load());
    await page.unroute("**/config.json");
    await stillWorks();
  });

  for (const [what, change] of [
    ["truncated", (bytes) => bytes.subarray(0, bytes.length - 100)],
    ["cut off in the header", (bytes) => bytes.subarray(0, 300)],
    ["of another kind", () => Buffer.from("this is no safetensors file, whatever its name says")],
    ["empty", () => Buffer.alloc(0)],
  ]) {
    test(`weights that are ${what}`, async () => {
      const body = change(await readFile(join(ROOT, "tests/fixtures", FIXTURE, "model.safetensors")));
      await page.route("**/model.safetensors", (route) => route.fulfill({ body, headers: { "Content-Length": String(body.length) } }));
      await fails("Integrity", /model\.safetensors/, () => load());
      await page.unroute("**/model.safetensors");
      await stillWorks();
    });
  }

  test("tensors that the configuration does not fit", async () => {
    const config = JSON.parse(await readFile(join(ROOT, "tests/fixtures", FIXTURE, "config.json"), "utf8"));
    await page.route("**/config.json", (route) => route.fulfill({ json: { ...config, text_config: { ...config.text_config, num_layers: 3 } } }));
    await fails("UnsupportedModel", /missing: language_model\.encoder\.block\.2/, () => load());
    await page.unroute("**/config.json");
    await stillWorks();
  });

  test("unknown options and devices", async () => {
    await fails("InvalidOption", /option devise: unknown; did you mean device\?/, () => Pali3.load(folder, { devise: "cpu" }));
    await fails("InvalidOption", /option device: expected "auto", "webgpu" or "cpu", found "cuda"/, () => Pali3.load(folder, { device: "cuda" }));
    await fails("InvalidInput", /source/, () => Pali3.load("http://", { device }));
    await stillWorks();
  });

  test("an aborted load", async () => {
    await fails("Aborted", /aborted/, () => load({ signal: AbortSignal.abort() }));
    await fails("Aborted", /aborted/, () => {
      const abort = new AbortController();
      return load({ signal: abort.signal, onProgress: ({ file }) => file === "model.safetensors" && abort.abort() });
    });
    await stillWorks();
  });

  test("auto takes no software adapter", async () => {
    const [supported, device] = await value(async () => {
      const model = await Pali3.load(folder);
      await model.dispose();
      return [await Pali3.isSupported(), model.device];
    });
    assert.deepEqual(supported, { supported: true, webgpu: true, softwareAdapter: true });
    assert.equal(device, "cpu");
  });

  test("no WebGPU at all", async () => {
    await fails("WebGPUUnavailable", /WebGPU is not available/, async () => {
      Object.defineProperty(navigator, "gpu", { value: undefined, configurable: true });
      try {
        await Pali3.load(folder, { device: "webgpu", worker: false });
      } finally {
        delete navigator.gpu;
      }
    });
    await stillWorks();
  });

  test("a picture with transparency is put over white", async () => {
    // Black, fully transparent, against plain white.
    const size = 56;
    const clear = png(size, size, new Uint8Array(size * size * 4));
    const white = png(size, size, new Uint8Array(size * size * 4).fill(255));
    const [a, b] = await value(
      async (files) => {
        const model = await load();
        const answers = [];
        for (const bytes of files) {
          const image = await model.encodeImage(new Blob([Uint8Array.from(bytes)]));
          answers.push((await model.generate({ image, maxNewTokens: 8 })).sequences[0].logprobs);
        }
        await model.dispose();
        return answers;
      },
      [Array.from(clear), Array.from(white)],
    );
    assert.deepEqual(a, b);
  });
});

describe("once loaded, answering compiles no kernel", () => {
  beforeEach(() => openPage("webgpu", false));
  afterEach(() => page.close());

  for (const [name, folder] of [["in 4-bit blocks", "/models/pali3-tiny-q4/"], ["of floats", "/models/pali3-tiny/"]]) {
    for (const card of [false, true]) {
      test(`pali3-tiny ${name}, with the kernels for ${card ? "graphics cards" : "software"}`, async () => {
        const { early, late } = await value(
          async ([folder, card, picture]) => {
            if (card) {
              const { get } = Object.getOwnPropertyDescriptor(GPUAdapter.prototype, "info");
              // What a software adapter would not say of itself.
              const names = { vendor: "", architecture: "", device: "", description: "", isFallbackAdapter: false };
              Object.defineProperty(GPUAdapter.prototype, "info", {
                get() {
                  const { subgroupMinSize, subgroupMaxSize } = get.call(this);
                  return { ...names, subgroupMinSize, subgroupMaxSize };
                },
              });
            }
            const compiled = [];
            const real = GPUDevice.prototype.createShaderModule;
            GPUDevice.prototype.createShaderModule = function (descriptor) {
              compiled.push(`${descriptor.label}: ${descriptor.code}`);
              return real.call(this, descriptor);
            };
            const model = await Pali3.load(folder, { device, worker: false });
            const early = compiled.length;
            const late = {};
            const watch = async (what, work) => {
              const before = compiled.length;
              const result = await work();
              if (compiled.length > before) late[what] = compiled.slice(before);
              return result;
            };
            const image = await watch("a picture", () => model.encodeImage(picture));
            const ask = (what, options) => watch(what, () => model.generate({ minNewTokens: 6, maxNewTokens: 6, ...options }));
            for (const prompt of ["red", "blue red", "red blue red", "red blue red blue red blue red", "red blue ".repeat(20)]) {
              await ask(`picture, ${prompt}`, { image, prompt });
              await ask(prompt, { prompt });
            }
            await ask("beams", { image, prompt: "blue red", numBeams: 4, numReturnSequences: 2 });
            await ask("picture alone", { image });
            await ask("two pictures", { image: [image, image], prompt: "red" });
            await ask("sampling", { image, prompt: "red", temperature: 1.5, topK: 5, topP: 0.9, seed: 1 });
            await ask("rules", { image, prompt: "red", repetitionPenalty: 1.2, noRepeatNgramSize: 2 });
            await watch("score", () => model.score({ image, prompt: "red", targets: ["blue", "red blue"] }));
            await model.dispose();
            return { early, late };
          },
          [folder, card, `${MODEL}image.png`],
        );
        assert.ok(early > 10, `${early}`);
        assert.deepEqual(late, {});
      });
    }
  }
});

test("a worker that is not the package's", async () => {
  await openPage("cpu");
  // Its scripts cannot be fetched, or are none.
  await fails("Network", /nowhere\.js could not be started.*pass workerUrl, or worker: false/, () => load({ workerUrl: "/nowhere.js" }));
  await fails("Network", /could not be started/, () => load({ workerUrl: "/pkg/package.json" }));
  // It runs, but never says that it is ready: a signal ends the wait.
  await fails("Aborted", /aborted/, () => {
    const script = URL.createObjectURL(new Blob(["postMessage('hello')"], { type: "text/javascript" }));
    return load({ workerUrl: script, signal: AbortSignal.timeout(500) });
  });
  await page.close();
});
