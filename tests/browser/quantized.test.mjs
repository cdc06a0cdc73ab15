// Quantized folders in the browser: what they answer, what is refused, and how little of a large one is in memory at once.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { ROOT, start } from "./chromium.mjs";

const TINY = join(ROOT, "www/models/pali3-tiny-q4");
const NATIVE = join(ROOT, "target/release/pali3");

let browser, page, folder, samples;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "pali3-quantized-"));
  browser = await start({ "/made/": folder });
  page = await browser.newPage();
  samples = JSON.parse(await readFile(join(ROOT, "www/samples/samples.json"), "utf8"));
  await page.goto(`${browser.url}/fixtures/presets.json`);
  await page.evaluate(async () => {
    const { Pali3 } = await import("/pkg/index.js");
    globalThis.Pali3 = Pali3;
    /** Loads, asks about a picture, and says everything that there is to know. */
    globalThis.ask = async (folder, options, picture, prompts) => {
      try {
        const model = await Pali3.load(folder, options);
        const image = picture && (await model.encodeImage(picture));
        const answers = [];
        for (const prompt of prompts) {
          const answer = await model.generate({ image, prompt });
          const [{ score }] = await model.score({ image, prompt, targets: [answer.text] });
          answers.push({ ...answer, again: score });
        }
        const { info, device } = model;
        const memory = await model.memory();
        await model.dispose();
        return { info, device, memory, texts: answers.map((a) => a.text), scores: answers.map((a) => a.score), again: answers.map((a) => a.again) };
      } catch (error) {
        return { error: { code: error.code, message: error.message } };
      }
    };
  });
});
after(async () => {
  await browser.stop();
  await rm(folder, { recursive: true });
});

const ask = (...call) => page.evaluate((call) => ask(...call), call);

/** What the native program answers: text and score. */
function native(model, dtype, picture, prompt) {
  const file = join(ROOT, "www/samples", picture);
  const fixed = ["run", "--model", join(ROOT, "www/models", model), "--dtype", dtype, "--device", "cpu", "--json"];
  return JSON.parse(execFileSync(NATIVE, [...fixed, "--image", file, "--prompt", prompt], { encoding: "utf8" }));
}

describe("the model that the page loads", () => {
  for (const device of ["cpu", "webgpu"]) {
    test(`answers on ${device} as it does natively`, async () => {
      const [{ file, questions }] = samples;
      const prompts = questions.map(({ question }) => question);
      const found = await ask("/models/pali3-tiny-q4/", { device }, `/samples/${file}`, prompts);
      assert.equal(found.error, undefined);
      assert.deepEqual(new Set(Object.values(found.info.dtypes)), new Set(["q4"]));
      assert.equal(found.info.parameters, 1_048_512);
      prompts.forEach((prompt, i) => {
        const expected = native("pali3-tiny-q4", "auto", file, prompt);
        assert.equal(found.texts[i], expected.text, prompt);
        // Kernels round elsewhere than the processor's 16-bit activations.
        assert.ok(Math.abs(found.scores[i] - expected.score) < 2e-3, `${prompt}: ${found.scores[i]} and ${expected.score}`);
        // The answer as a candidate is as likely as it was when it was generated, token by token.
        assert.ok(Math.abs(found.scores[i] - found.again[i]) < 1e-2, `${prompt}: ${found.scores[i]} and ${found.again[i]}`);
      });
    });
  }
});

describe("a folder of floats, quantized while it loads", () => {
  for (const [dtype, name] of [
    ["q8", "q8"],
    ["q4", "q4"],
    [{ vision: "q8", text: "q4" }, "vision=q8,text=q4"],
  ]) {
    test(name, async () => {
      const [{ file, questions }] = samples;
      const { question } = questions[0];
      const found = await ask("/models/pali3-tiny/", { device: "cpu", dtype }, `/samples/${file}`, [question]);
      assert.equal(found.error, undefined);
      const expected = native("pali3-tiny", name, file, question);
      assert.equal(found.texts[0], expected.text);
      assert.ok(Math.abs(found.scores[0] - expected.score) < 1e-4, `${found.scores[0]} and ${expected.score}`);
    });
  }

  test("what is no form is refused", async () => {
    for (const dtype of ["int8", "f16", { vision: "q5" }, { audio: "q4" }, {}, 4]) {
      const { error } = await ask("/models/pali3-tiny/", { device: "cpu", dtype }, null, []);
      assert.equal(error.code, "InvalidOption", JSON.stringify(dtype));
      assert.match(error.message, /dtype/);
    }
  });
});

test("a changed byte is found by its shard's hash, on its way to the device", async () => {
  await cp(TINY, join(folder, "changed"), { recursive: true });
  const file = join(folder, "changed/model-00001-of-00001.safetensors");
  const bytes = await readFile(file);
  bytes[bytes.length - 5] ^= 1;
  await writeFile(file, bytes);
  const { error } = await ask("/made/changed/", { device: "cpu" }, null, ["x"]);
  assert.equal(error.code, "Integrity");
  assert.match(error.message, /model-00001-of-00001\.safetensors.*SHA-256 [0-9a-f]{64}, found [0-9a-f]{64}/);
});

describe("memory", () => {
  // SigLIP base and T5 1.1 small, 163 million parameters: 650 MB of floats.
  before(() => {
    const sizes = ["--vision", "base16", "--text", "t5-1.1-small", "--dtype", "f32"];
    execFileSync(NATIVE, ["random", ...sizes, "--out", join(folder, "large")], { stdio: "ignore" });
  });

  test("of a large model, WebAssembly holds one piece at a time", async () => {
    const fresh = await browser.newPage();
    await fresh.goto(`${browser.url}/fixtures/presets.json`);
    const memory = await fresh.evaluate(async () => {
      const { Pali3 } = await import("/pkg/index.js");
      const model = await Pali3.load("/made/large/", { device: "webgpu", dtype: "q4", cache: false });
      return model.memory();
    });
    await fresh.close();
    const MB = 1e6;
    // A piece of the file has 8 MiB; its floats, blocks and what the driver is handed are beside it for a moment.
    assert.ok(memory.wasm < (8.4 + 64) * MB, `wasm ${memory.wasm / MB} MB`);
    // 4.5 bits for a parameter, and 32 for the few that are not in blocks.
    assert.ok(memory.device > 85 * MB && memory.device < 110 * MB, `device ${memory.device / MB} MB`);
  });

  test("an aborted load gives back what had come", async () => {
    const fresh = await browser.newPage();
    await fresh.goto(`${browser.url}/fixtures/presets.json`);
    const found = await fresh.evaluate(async () => {
      const { Pali3 } = await import("/pkg/index.js");
      const abort = new AbortController();
      let reached = 0;
      const onProgress = ({ phase, loaded, total }) => {
        if (phase !== "upload") return;
        reached = loaded / total;
        if (reached > 0.4) abort.abort();
      };
      const options = { device: "webgpu", worker: false, cache: false };
      const error = await Pali3.load("/made/large/", { ...options, onProgress, signal: abort.signal }).catch((error) => error);
      const model = await Pali3.load("/models/pali3-tiny-q4/", options);
      return { code: error.code, reached, memory: await model.memory() };
    });
    await fresh.close();
    assert.equal(found.code, "Aborted");
    assert.ok(found.reached < 0.6, `${found.reached}`);
    assert.ok(found.memory.device < 4e6, `in use ${found.memory.device}`);
    assert.ok(found.memory.deviceReserved < 64e6, `reserved ${found.memory.deviceReserved}`);
  });

  test("in a worker, an aborted load ends at once, and the worker with it", async () => {
    const fresh = await browser.newPage();
    await fresh.goto(`${browser.url}/fixtures/presets.json`);
    const { code, turns, later } = await fresh.evaluate(async () => {
      const { Pali3 } = await import("/pkg/index.js");
      const abort = new AbortController();
      // Tasks of the page that have begun since the abort. The first is asked for right before it, so that one message of
      // the worker's, waited for, would let it come first.
      let turns = 0;
      const { port1, port2 } = new MessageChannel();
      const counted = new Promise((done) => (port1.onmessage = () => done((turns += 1))));
      const onProgress = ({ phase, loaded, total }) => {
        if (phase !== "upload" || loaded < 0.2 * total || abort.signal.aborted) return;
        port2.postMessage(null);
        abort.abort();
      };
      const { code } = await Pali3.load("/made/large/", { device: "webgpu", cache: false, onProgress, signal: abort.signal }).catch((error) => error);
      return { code, turns, later: await counted };
    });
    assert.equal(code, "Aborted");
    // Nothing is waited for: the load had ended before the page's next task began.
    assert.deepEqual([turns, later], [0, 1]);
    // Playwright hears of its end a moment later.
    for (let i = 0; i < 500 && fresh.workers().length > 0; i++) await new Promise((done) => setTimeout(done, 20));
    assert.equal(fresh.workers().length, 0);
    await fresh.close();
  });
});
