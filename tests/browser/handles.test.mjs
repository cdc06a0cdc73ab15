// What the package holds of pictures in WebAssembly, counted in Node: everything that a call or a picture has taken is given
// back, also where it fails.
import assert from "node:assert/strict";
import { resolve } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { Pali3 } from "../../pkg/index.js";
import { Image } from "../../pkg/wasm/pali3_cpu.js";

const FOLDER = pathToFileURL(resolve(import.meta.dirname, "../fixtures/pali3-prepend"));
const pixels = { data: new Uint8Array(56 * 56 * 4).fill(200), width: 56, height: 56 };

/** Pictures that live in WebAssembly's memory. */
let living = 0;
const { __wrap } = Image;
const { __destroy_into_raw, toBytes } = Image.prototype;

let model;
before(async () => {
  Image.__wrap = (pointer) => ((living += 1), __wrap.call(Image, pointer));
  Image.prototype.__destroy_into_raw = function () {
    living -= 1;
    return __destroy_into_raw.call(this);
  };
  model = await Pali3.load(FOLDER);
});
after(async () => {
  await model.dispose();
  Object.assign(Image, { __wrap });
  Object.assign(Image.prototype, { __destroy_into_raw, toBytes });
});

/** How many live once all calls so far are done: this one waits for them, and is refused. */
async function left() {
  await assert.rejects(model.embed("red"), { code: "UnsupportedModel" });
  return living;
}

test("pictures that are encoded for one call are freed after it", async () => {
  const image = await model.encodeImage(pixels);
  assert.equal(await left(), 1);
  const { tokenIds } = await model.generate({ images: [pixels, image], prompt: "red", maxNewTokens: 4 });
  await model.score({ image: pixels, prompt: "red", targets: ["blue"] });
  await model.attention({ image: pixels, prompt: "red", tokenIds });
  for await (const piece of model.stream({ image: pixels, prompt: "red" })) if (piece) break;
  await assert.rejects(model.generate({ images: [pixels, { ...pixels, width: 57 }], prompt: "red" }), { code: "InvalidInput" });
  await assert.rejects(model.generate({ image: pixels, prompt: "red", maxNewTokens: 0 }), { code: "InvalidOption" });
  await assert.rejects(model.generate({ image: pixels, prompt: "red", signal: AbortSignal.abort() }), { name: "AbortError" });
  // The second of two fails, when the first is encoded already.
  const bytes = await image.toBytes();
  bytes[24] ^= 1;
  await assert.rejects(model.generate({ images: [pixels, Pali3.imageFromBytes(bytes)], prompt: "red" }), /vision tower/);
  assert.equal(await left(), 1);
  image.dispose();
  assert.equal(await left(), 0);
});

test("a picture of bytes frees what models hold of it", async () => {
  const image = await model.encodeImage(pixels);
  const again = Pali3.imageFromBytes(await image.toBytes());
  image.dispose();
  assert.equal(await left(), 0);
  for (let i = 0; i < 2; i++) await model.generate({ image: again, prompt: "red", maxNewTokens: 2 });
  assert.equal(await left(), 1);
  again.dispose();
  assert.equal(await left(), 0);
});

test("an abort between a picture's encoding and its end leaves nothing", async () => {
  const abort = new AbortController();
  Image.prototype.toBytes = function () {
    abort.abort();
    return toBytes.call(this);
  };
  await assert.rejects(model.encodeImage(pixels, { signal: abort.signal }), { name: "AbortError", code: "Aborted" });
  Image.prototype.toBytes = toBytes;
  assert.equal(await left(), 0);
});

test("a picture of bytes that cannot be taken in fails the call alone, and can be used after it", async () => {
  const other = await Pali3.load(FOLDER);
  const again = Pali3.imageFromBytes(await (await other.encodeImage(pixels)).toBytes());
  const ended = other.dispose();
  await assert.rejects(other.generate({ image: again, prompt: "red" }), { code: "InvalidInput" });
  await ended;
  // What nobody waits for must not end Node.
  await new Promise((done) => setImmediate(done));
  // A call that was aborted before it was handed over has brought nothing.
  const abort = new AbortController();
  const stopped = model.generate({ image: again, prompt: "red", signal: abort.signal });
  abort.abort();
  await assert.rejects(stopped, { name: "AbortError" });
  assert.ok((await model.generate({ image: again, prompt: "red", maxNewTokens: 2 })).tokenIds.length > 0);
  again.dispose();
});
