// When the device fails: the call that was under way says so, and the next one works. And whether a device computes what it
// should.
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { MODEL, browser, close, fails, open, openPage, page, prompt, recorded, value } from "./library.mjs";

before(open);
after(close);

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
      for await (const piece of model.stream({ image, prompt: "red", minNewTokens: 12, maxNewTokens: 16 })) if (piece) gone.destroy();
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

test("a worker that ends by itself: the call under way says so, and the next one starts the model anew", async () => {
  await openPage("cpu");
  await value(async () => {
    globalThis.model = await load();
    globalThis.image = await model.encodeImage(`${folder}image.png`);
  });
  const [worker] = page.workers();
  const ended = fails("Internal", /worker has ended by itself.*the next call starts the model anew$/, async (prompt) => {
    globalThis.under = model.stream({ image, prompt, minNewTokens: 4000, maxNewTokens: 4000 });
    for await (const piece of under) if (piece) globalThis.begun = true;
  }, prompt());
  await page.waitForFunction(() => globalThis.begun);
  await worker.evaluate(() => void globalThis.close()).catch(() => {});
  await ended;
  await fails("InvalidInput", /gone with the worker that held it; encode it again/, (prompt) => model.generate({ image, prompt }), prompt());
  const ids = await value(async (prompt) => {
    const { tokenIds } = await model.generate({ image: `${folder}image.png`, prompt, maxNewTokens: 16 });
    await model.dispose();
    return tokenIds;
  }, prompt());
  assert.deepEqual(ids, recorded("", "greedy").sequences[0]);
  await page.close();
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
