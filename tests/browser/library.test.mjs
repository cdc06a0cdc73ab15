// The package as a page uses it, on both devices: right results on real input, typed errors on bad input,
// and a library that works on after each of them.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { ROOT, start } from "./chromium.mjs";
import { png } from "./png.mjs";

const FIXTURE = "pali3-prepend";
const MODEL = `/fixtures/${FIXTURE}/`;

let browser, page, reference;

before(async () => {
  browser = await start();
  reference = JSON.parse(await readFile(join(ROOT, "tests/fixtures", FIXTURE, "reference.json"), "utf8"));
});
after(() => browser.stop());

/** What HF's generate() gave. */
const recorded = (variant, name) => reference.generation.find((g) => g.variant === variant && g.name === name);
const prompt = () => reference.variants[0].prompts[0];

/** Runs a function in the page. What it throws comes back as {name, code, message}. */
function inPage(work, argument) {
  return page.evaluate(
    async ([source, argument]) => {
      try {
        return { value: await (0, eval)(`(${source})`)(argument) };
      } catch (error) {
        return { error: { name: error.name, code: error.code, message: error.message, isError: error instanceof Pali3Error } };
      }
    },
    [work.toString(), argument],
  );
}

async function value(work, argument) {
  const { value, error } = await inPage(work, argument);
  assert.equal(error, undefined, JSON.stringify(error));
  return value;
}

async function fails(code, pattern, work, argument) {
  const { value, error } = await inPage(work, argument);
  assert.equal(value, undefined);
  assert.deepEqual([error.name, error.code, error.isError], [`${code}Error`, code, true], error.message);
  assert.match(error.message, pattern);
}

async function openPage(device, worker = true) {
  page = await browser.newPage();
  await page.goto(`${browser.url}/pkg/package.json`);
  await page.evaluate(
    async ([folder, device, worker]) => {
      Object.assign(globalThis, await import("/pkg/index.js"));
      globalThis.folder = folder;
      globalThis.device = device;
      globalThis.load = (options) => Pali3.load(folder, { device, worker, ...options });
    },
    [MODEL, device, worker],
  );
}

for (const [device, worker] of [
  ["cpu", true],
  ["webgpu", true],
  ["cpu", false],
  ["webgpu", false],
]) {
  describe(`results on ${device}, ${worker ? "in a worker" : "on the page's thread"}`, () => {
    before(async () => {
      await openPage(device, worker);
      await value(async () => void (globalThis.model = await load()));
      await value(async () => void (globalThis.image = await model.encodeImage(`${folder}image.png`)));
    });
    after(() => page.close());

    test("the model says where it runs and what it is", async () => {
      const { device: on, worker: there, info, tokens } = await value(() => ({ device: model.device, worker: model.worker, info: model.info, tokens: image.visualTokens }));
      assert.equal(on, device);
      assert.equal(there, worker);
      assert.equal(tokens, reference.variants[0].visual_tokens);
      assert.deepEqual([info.imageSize, info.visualTokens, info.vocabularySize], [[56, 56], 16, 96]);
      assert.ok(info.parameters > 10_000);
    });

    test("greedy tokens and score equal HF's, streamed and awaited", async () => {
      const expected = recorded("", "greedy");
      const { pieces, whole } = await value(async (prompt) => {
        const generation = model.generate({ image, prompt, maxNewTokens: 16 });
        const pieces = [];
        for await (const piece of generation) pieces.push(piece);
        return { pieces, whole: await generation };
      }, prompt());
      assert.deepEqual(whole.tokenIds, expected.sequences[0]);
      assert.equal(whole.text, expected.texts[0]);
      assert.ok(Math.abs(whole.score - expected.scores_sum[0]) < 5e-3, `${whole.score} is not ${expected.scores_sum[0]}`);
      assert.equal(whole.sequences[0].finishReason, "eos");
      assert.equal(pieces.map(({ text }) => text).join(""), whole.text);
      assert.deepEqual(pieces.map(({ tokenId }) => tokenId), whole.tokenIds);
      assert.ok(pieces.every(({ logprob }) => logprob <= 0));
      assert.ok(whole.timings.total >= whole.timings.firstToken && whole.timings.firstToken > 0);
    });

    test("beam search equals HF's", async () => {
      const expected = recorded("", "beam4-lp2-never");
      const { sequences } = await value(
        (prompt) => model.generate({ image, prompt, maxNewTokens: 9, numBeams: 4, lengthPenalty: 2, earlyStopping: "never", numReturnSequences: 4 }).then((r) => r),
        prompt(),
      );
      assert.deepEqual(sequences.map(({ tokenIds }) => tokenIds), expected.sequences);
      sequences.forEach(({ score }, k) => assert.ok(Math.abs(score - expected.sequences_scores[k]) < 1e-3));
    });

    test("prompts without a picture, and pictures without a prompt", async () => {
      const ids = await value(async (prompt) => {
        const text = await model.generate({ prompt, maxNewTokens: 16 });
        const picture = await model.generate({ image, maxNewTokens: 16 });
        return [text.tokenIds, picture.tokenIds];
      }, prompt());
      assert.deepEqual(ids, [recorded("text-only", "greedy").sequences[0], recorded("image-only", "greedy").sequences[0]]);
    });

    test("a stop text ends the answer, and is not part of it", async () => {
      const whole = recorded("", "greedy").texts[0];
      const stop = " blue";
      const { text, sequences } = await value(([prompt, stop]) => model.generate({ image, prompt, maxNewTokens: 16, stop }).then((r) => r), [prompt(), stop]);
      assert.equal(text, whole.slice(0, whole.indexOf(stop)));
      assert.equal(sequences[0].finishReason, "stop");
    });

    test("the same seed draws the same tokens", async () => {
      const [a, b, c] = await value(async (prompt) => {
        const draw = async (seed) => (await model.generate({ image, prompt, maxNewTokens: 12, temperature: 1.5, topK: 0, seed })).tokenIds;
        return [await draw(7), await draw(7), await draw(8)];
      }, prompt());
      assert.deepEqual(a, b);
      assert.notDeepEqual(a, c);
    });

    test("break ends a generation, and the model goes on", async () => {
      const [first, partial, again] = await value(async (prompt) => {
        const generation = model.generate({ image, prompt, maxNewTokens: 16 });
        const seen = [];
        for await (const { tokenId } of generation) {
          seen.push(tokenId);
          if (seen.length === 2) break;
        }
        const partial = await generation;
        return [seen, partial, (await model.generate({ image, prompt, maxNewTokens: 16 })).tokenIds];
      }, prompt());
      const expected = recorded("", "greedy").sequences[0];
      assert.deepEqual(first, expected.slice(0, 2));
      assert.deepEqual(partial.tokenIds, expected.slice(0, partial.tokenIds.length));
      assert.deepEqual(again, expected);
    });

    test("a signal aborts a generation, and the model goes on", async () => {
      await fails("Aborted", /aborted/, async (prompt) => {
        const abort = new AbortController();
        for await (const piece of model.generate({ image, prompt, maxNewTokens: 16, signal: abort.signal })) if (piece) abort.abort();
      }, prompt());
      await fails("Aborted", /aborted/, () => model.encodeImage(`${folder}image.png`, { signal: AbortSignal.abort() }));
      const ids = await value((prompt) => model.generate({ image, prompt, maxNewTokens: 16 }).then((r) => r.tokenIds), prompt());
      assert.deepEqual(ids, recorded("", "greedy").sequences[0]);
    });

    test("calls inside the loop wait for it, and run in order", async () => {
      const order = await value(async (prompt) => {
        const order = [];
        let other;
        for await (const piece of model.generate({ image, prompt, maxNewTokens: 4 })) {
          other ??= model.encodeImage(`${folder}image.png`).then(() => order.push("second"));
          if (piece) order.push("first");
        }
        await other;
        return order;
      }, prompt());
      assert.deepEqual(order, ["first", "first", "first", "first", "second"]);
    });

    test("every kind of picture input gives the same answer", async () => {
      const answers = await value(async (prompt) => {
        const blob = await (await fetch(`${folder}image.png`)).blob();
        const element = new Image();
        element.src = `${folder}image.png`;
        await element.decode();
        const bitmap = await createImageBitmap(blob);
        const canvas = Object.assign(document.createElement("canvas"), { width: bitmap.width, height: bitmap.height });
        canvas.getContext("2d").drawImage(bitmap, 0, 0);
        const offscreen = new OffscreenCanvas(bitmap.width, bitmap.height);
        offscreen.getContext("2d").drawImage(bitmap, 0, 0);
        const data = canvas.getContext("2d").getImageData(0, 0, bitmap.width, bitmap.height);
        const answers = [];
        const frame = new VideoFrame(canvas, { timestamp: 0 });
        for (const input of [blob, new File([blob], "a.png"), element, bitmap, canvas, offscreen, data, frame, new URL(`${folder}image.png`, location.href)]) {
          const encoded = await model.encodeImage(input);
          answers.push((await model.generate({ image: encoded, prompt, maxNewTokens: 16 })).tokenIds);
          encoded.dispose();
        }
        return answers;
      }, prompt());
      assert.equal(answers.length, 9);
      for (const ids of answers) assert.deepEqual(ids, recorded("", "greedy").sequences[0]);
    });

    test("a video's frame, once it shows one", async () => {
      const tokens = await value(async () => {
        const canvas = Object.assign(document.createElement("canvas"), { width: 64, height: 48 });
        const context = canvas.getContext("2d");
        const video = Object.assign(document.createElement("video"), { muted: true, srcObject: canvas.captureStream(30) });
        const painting = setInterval(() => context.fillRect(0, 0, 64, 48), 30);
        const early = await model.encodeImage(video).catch((error) => error.message);
        await video.play();
        const encoded = await model.encodeImage(video);
        clearInterval(painting);
        return [early, encoded.visualTokens];
      });
      assert.match(tokens[0], /shows no frame yet/);
      assert.equal(tokens[1], 16);
    });

    test("candidates are scored, each for itself", async () => {
      const { scores, alone } = await value(async (prompt) => {
        const scores = await model.score({ image, prompt, targets: ["red", "blue red", "red"] });
        return { scores, alone: await model.score({ image, prompt, targets: ["blue red"] }) };
      }, prompt());
      assert.deepEqual(scores.map(({ text }) => text), ["red", "blue red", "red"]);
      for (const { tokenIds, logprobs, score } of scores) {
        assert.equal(tokenIds.length, logprobs.length);
        assert.ok(logprobs.every((logprob) => logprob < 0) && Math.abs(score - logprobs.reduce((a, b) => a + b)) < 1e-3);
      }
      assert.deepEqual(scores[2], scores[0]);
      assert.ok(Math.abs(alone[0].score - scores[1].score) < 1e-4);
    });

    test("attention: where each token looked, shares that add up to 1", async () => {
      const { attention, whole } = await value(async (prompt) => {
        const whole = await model.generate({ image, prompt, maxNewTokens: 16 });
        const { grids, tokens, mean } = await model.attention({ image, prompt, tokenIds: whole.tokenIds });
        const plain = ({ images, prompt, ...rest }) => ({ images: images.map((one) => Array.from(one)), prompt, ...rest });
        return { whole, attention: { grids, tokens: tokens.map(plain), mean: plain(mean) } };
      }, prompt());
      assert.deepEqual(attention.grids, [{ rows: 4, columns: 4 }]);
      assert.deepEqual(attention.tokens.map(({ tokenId }) => tokenId), whole.tokenIds);
      assert.equal(attention.tokens.map(({ text }) => text).join(""), whole.text);
      for (const { images, prompt } of [...attention.tokens, attention.mean]) {
        assert.equal(images[0].length, 16);
        assert.ok(Math.abs(images[0].reduce((a, b) => a + b) + prompt - 1) < 1e-3);
      }
      assert.notDeepEqual(attention.tokens[0].images, attention.tokens[1].images);
    });

    test("several pictures in one question", async () => {
      const { one, two, three } = await value(async (prompt) => {
        const other = await model.encodeImage(new ImageData(new Uint8ClampedArray(56 * 56 * 4).fill(255), 56, 56));
        const ask = async (image) => (await model.generate({ image, prompt, maxNewTokens: 16 })).score;
        return { one: await ask([image]), two: await ask([image, other]), three: await ask([other, image]) };
      }, prompt());
      assert.ok(Math.abs(one - recorded("", "greedy").scores_sum[0]) < 5e-3);
      assert.ok(one !== two && two !== three && one !== three, `${one} ${two} ${three}`);
    });

    test("a picture can be kept as bytes, and asked about later, also in another model", async () => {
      const ids = await value(async (prompt) => {
        const bytes = await image.toBytes();
        const again = Pali3.imageFromBytes(bytes);
        const other = await load();
        const answers = [];
        for (const one of [model, other]) answers.push((await one.generate({ image: again, prompt, maxNewTokens: 16 })).tokenIds);
        await other.dispose();
        again.dispose();
        return [...answers, [again.rows, again.columns, again.visualTokens]];
      }, prompt());
      assert.deepEqual(ids, [recorded("", "greedy").sequences[0], recorded("", "greedy").sequences[0], [4, 4, 16]]);
      await fails("InvalidInput", /expected what image.toBytes\(\) gave/, () => Pali3.imageFromBytes(new Uint8Array(40)));
      await fails("InvalidInput", /expected \d+ of them, found/, async () => Pali3.imageFromBytes((await image.toBytes()).subarray(0, 100)));
      await fails("InvalidInput", /vision tower/, async () => {
        const bytes = await image.toBytes();
        bytes[24] ^= 1;
        return model.generate({ image: Pali3.imageFromBytes(bytes), prompt: "red" });
      });
    });

    test("memory, warming up, and no embeddings without SigLIP's text tower", async () => {
      const memory = await value(async () => {
        await model.warmup();
        return model.memory();
      });
      assert.ok(memory.wasm > 1e6, JSON.stringify(memory));
      assert.equal(memory.device > 0, device === "webgpu");
      await fails("UnsupportedModel", /text tower/, () => model.similarity(new Float32Array(4), new Float32Array(4)));
    });

    test("what cannot be used is refused, and the model goes on", async () => {
      await fails("InvalidInput", /not a picture/, () => model.encodeImage(new Blob(["no picture"])));
      await fails("InvalidInput", /expected a Blob, File/, () => model.encodeImage(42));
      await fails("NotFound", /nothing\.png: not found/, () => model.encodeImage("/nothing.png"));
      await fails("InvalidInput", /expected what model\.encodeImage\(\) gives/, () => model.generate({ image: {} }));
      await fails("InvalidInput", /prompt: expected 1 to \d+ tokens, found \d{4,}/, () => model.generate({ prompt: "red ".repeat(9000) }));
      await fails("InvalidInput", /image\[1\]: expected what model\.encodeImage\(\) gives, found Blob/, () => model.generate({ image: [image, new Blob()] }));
      await fails("InvalidOption", /option targets: expected an array of strings/, () => model.score({ targets: "red" }));
      await fails("InvalidInput", /targets/, () => model.score({ prompt: "red", targets: [] }));
      await fails("InvalidOption", /option tokenIds: expected an array of token ids/, () => model.attention({ tokenIds: [-1] }));
      await fails("InvalidInput", /token/, () => model.attention({ prompt: "red", tokenIds: [100000] }));
      await fails("InvalidOption", /num_beams.*numBeams/, () => model.generate({ num_beams: 4 }));
      await fails("InvalidOption", /maxNewTokens: expected a whole number, found 1\.5/, () => model.generate({ maxNewTokens: 1.5 }));
      await fails("InvalidOption", /maxNewTokens: expected 1 to \d+, found 0/, () => model.generate({ maxNewTokens: 0 }));
      await fails("InvalidOption", /temperature: expected a finite number, found NaN/, () => model.generate({ temperature: NaN }));
      await fails("InvalidOption", /temperature/, () => model.generate({ temperature: -1 }));
      const ids = await value((prompt) => model.generate({ image, prompt, maxNewTokens: 16 }).then((r) => r.tokenIds), prompt());
      assert.deepEqual(ids, recorded("", "greedy").sequences[0]);
    });

    test("after dispose, calls are refused, and another load works", async () => {
      const ids = await value(async (prompt) => {
        const second = await load();
        const image = await second.encodeImage(`${folder}image.png`);
        const { tokenIds } = await second.generate({ image, prompt, maxNewTokens: 16 });
        await second.dispose();
        globalThis.disposed = second;
        return tokenIds;
      }, prompt());
      assert.deepEqual(ids, recorded("", "greedy").sequences[0]);
      await fails("InvalidInput", /disposed/, () => disposed.generate({ prompt: "red" }));
      await fails("InvalidInput", /another model/, async () => {
        const other = await load();
        try {
          await other.generate({ image, prompt: "red" });
        } finally {
          await other.dispose();
        }
      });
    });
  });
}

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

describe("when the device fails", () => {
  // On the page's thread, where the test can put its hand in.
  beforeEach(() => openPage("webgpu", false));

  /** The same model, and a picture that it had encoded before, answer as if nothing had been. */
  const recovers = async () => {
    const ids = await value((prompt) => model.generate({ image, prompt, maxNewTokens: 16 }).then((r) => r.tokenIds), prompt());
    assert.deepEqual(ids, recorded("", "greedy").sequences[0]);
    await page.close();
  };

  const loaded = () =>
    value(async () => {
      const real = GPUAdapter.prototype.requestDevice;
      GPUAdapter.prototype.requestDevice = async function (...all) {
        return (globalThis.gone = await real.apply(this, all));
      };
      globalThis.model = await load();
      globalThis.image = await model.encodeImage(`${folder}image.png`);
    });

  test("a validation error is the error of the call that caused it", async () => {
    await loaded();
    await fails("DeviceLost", /exceeds max compute workgroups.*the next call starts the model anew/s, async () => {
      const real = GPUComputePassEncoder.prototype.dispatchWorkgroups;
      GPUComputePassEncoder.prototype.dispatchWorkgroups = function () {
        return real.call(this, 70000, 1, 1);
      };
      try {
        await model.encodeImage(`${folder}image.png`);
      } finally {
        GPUComputePassEncoder.prototype.dispatchWorkgroups = real;
      }
    });
    await recovers();
  });

  test("a shader that the browser refuses", async () => {
    await fails("DeviceLost", /Invalid ShaderModule/, async () => {
      const real = GPUDevice.prototype.createShaderModule;
      GPUDevice.prototype.createShaderModule = function (descriptor) {
        return real.call(this, { ...descriptor, code: `${descriptor.code}\nfn refused() -> f32 { return 1u; }` });
      };
      try {
        await load();
      } finally {
        GPUDevice.prototype.createShaderModule = real;
      }
    });
    await loaded();
    await recovers();
  });

  test("a device that goes away under a call: the call fails, the next starts the model anew from what is stored", async () => {
    await loaded();
    await fails("DeviceLost", /lost \(Destroyed\)/, async () => {
      for await (const piece of model.generate({ image, prompt: "red", minNewTokens: 12, maxNewTokens: 16 })) if (piece) gone.destroy();
    });
    const requests = [];
    page.on("request", (request) => requests.push(`${request.method()} ${request.url()}`));
    await recovers();
    assert.deepEqual(requests.filter((line) => line.startsWith("GET") && line.includes(MODEL)), []);
  });

  test("a device that goes away between two calls is not noticed", async () => {
    await loaded();
    await value(async () => {
      gone.destroy();
      await gone.lost;
    });
    await recovers();
  });
});

describe("self test", () => {
  const tested = (device, spoil) =>
    value(
      async ([device, spoil]) => {
        const real = GPUDevice.prototype.createShaderModule;
        // A compiler that gets one number wrong: the unpacking of 4-bit weights.
        GPUDevice.prototype.createShaderModule = function (descriptor) {
          return real.call(this, spoil ? { ...descriptor, code: descriptor.code.replaceAll("vec4<f32>(8.0)", "vec4<f32>(7.9)") } : descriptor);
        };
        try {
          const model = await Pali3.load("/models/pali3-tiny-q4/", { device, worker: !spoil });
          const found = await model.selfTest();
          await model.dispose();
          return found;
        } finally {
          GPUDevice.prototype.createShaderModule = real;
        }
      },
      [device, spoil],
    );

  before(() => openPage("cpu"));
  after(() => page.close());

  for (const device of ["cpu", "webgpu"]) {
    test(`the shipped model computes on ${device} what it should`, async () => {
      const { ok, checks } = await tested(device, false);
      assert.equal(ok, true, JSON.stringify(checks));
      assert.ok(checks.length >= 2 && checks.every(({ largestError, tolerance }) => largestError < tolerance));
    });
  }

  test("a shader that computes something else is found", async () => {
    const { ok, checks } = await tested("webgpu", true);
    assert.equal(ok, false, JSON.stringify(checks));
  });

  test("a folder without a record says what makes one", async () => {
    await fails("NotFound", /self_test\.json: not found; pali3 self-test --write makes it/, async () => {
      const model = await load();
      try {
        await model.selfTest();
      } finally {
        await model.dispose();
      }
    });
  });
});

describe("a checkpoint of SigLIP's two towers", () => {
  const TOWERS = "/fixtures/siglip-two-towers/";
  let expected, prompts;

  before(async () => {
    await openPage("cpu");
    const folder = join(ROOT, "tests/fixtures/siglip-two-towers");
    prompts = JSON.parse(await readFile(join(folder, "reference.json"), "utf8")).variants[0].prompts;
    const file = await readFile(join(folder, "reference.safetensors"));
    const header = JSON.parse(file.subarray(8, 8 + Number(file.readBigUInt64LE(0))));
    /** A tensor of HF's run. */
    expected = (name) => {
      const at = 8 + Number(file.readBigUInt64LE(0));
      const [start, end] = header[name].data_offsets;
      return new Float32Array(file.buffer.slice(file.byteOffset + at + start, file.byteOffset + at + end));
    };
  });
  after(() => page.close());

  for (const device of ["cpu", "webgpu"]) {
    test(`embeds pictures and texts on ${device} as HF does`, async () => {
      const found = await value(
        async ([towers, device, texts]) => {
          const model = await Pali3.load(towers, { device });
          const picture = await model.embed(new URL(`${towers}image.png`, location.href));
          const embedded = await model.embed(texts);
          const [matrix, one] = [model.similarity([picture], embedded), model.similarity(picture, embedded[0])];
          const { kind, embeddings } = model.info;
          const told = (error) => `${error.code}: ${error.message}`;
          const refused = await model.generate({ prompt: "red" }).catch(told);
          const mixed = await model.embed(["red", new Blob()]).catch(told);
          await model.dispose();
          return { kind, embeddings, picture: Array.from(picture), texts: embedded.map((text) => Array.from(text)), matrix, one, refused, mixed };
        },
        [TOWERS, device, prompts],
      );
      assert.deepEqual([found.kind, found.embeddings], ["siglip", true]);
      const near = (values, name) => {
        // The reference has a second picture behind the first.
        const reference = expected(name).subarray(0, values.length);
        assert.equal(values.length, reference.length);
        values.forEach((value, i) => assert.ok(Math.abs(value - reference[i]) < 2e-3, `${name}[${i}]: ${value}, not ${reference[i]}`));
      };
      near(found.picture, "image_embeds");
      near(found.texts.flat(), "text_embeds");
      const logits = expected("logits_per_image");
      found.matrix[0].forEach((p, i) => assert.ok(Math.abs(p - 1 / (1 + Math.exp(-logits[i]))) < 2e-3, `${p}, logit ${logits[i]}`));
      assert.equal(found.one, found.matrix[0][0]);
      assert.match(found.refused, /^UnsupportedModel: /);
      assert.match(found.mixed, /^InvalidInput: embed: expected texts or pictures, found both/);
    });
  }
});

test("several models at once, each in its worker, answer side by side", async () => {
  await openPage("cpu");
  const answers = await value(async (prompt) => {
    const models = await Promise.all([load(), load(), Pali3.load("/models/pali3-tiny-q4/", { device: "webgpu" })]);
    const ask = async (model) => {
      const image = await model.encodeImage(`${folder}image.png`);
      return (await model.generate({ image, prompt, maxNewTokens: 16 })).tokenIds;
    };
    const answers = await Promise.all([...models, ...models].map(ask));
    await Promise.all(models.map((model) => model.dispose()));
    return answers;
  }, prompt());
  const expected = recorded("", "greedy").sequences[0];
  assert.deepEqual([answers[0], answers[1], answers[3], answers[4]], [expected, expected, expected, expected]);
  assert.deepEqual(answers[2], answers[5]);
  await page.close();
});
