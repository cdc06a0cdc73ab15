// Where there is no browser: importing does nothing (server-side rendering), and a model runs on the CPU.
import assert from "node:assert/strict";
import { existsSync, openAsBlob, statSync } from "node:fs";
import { readFile, readdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { inflateSync } from "node:zlib";
import { InvalidInputError, OutOfMemoryError, Pali3, Pali3Error } from "../../pkg/index.js";
import { StreamedFolder } from "../../pkg/lib/source/stream.js";

const WWW = resolve(import.meta.dirname, "../../www");

test("the package can be imported and asked what is there", async () => {
  assert.deepEqual(await Pali3.isSupported(), { supported: true, webgpu: false, softwareAdapter: false });
});

test("a folder without a page to start from is a typed error", async () => {
  await assert.rejects(Pali3.load("models/pali3-tiny/"), (error) => error instanceof Pali3Error && error.code === "InvalidInput");
});

test("the nearest known option is named, whatever its case and underscores", async () => {
  const message = (options) => Pali3.load("http://localhost/", options).catch((error) => `${error.code}: ${error.message}`);
  assert.match(await message({ on_progres: () => {} }), /^InvalidOption: option on_progres: unknown; did you mean onProgress\?$/);
  assert.match(await message({ quantum: 1 }), /^InvalidOption: option quantum: unknown; known are device, dtype, worker, cache, onProgress, signal, wasmUrl, workerUrl$/);
  assert.match(await message("cpu"), /^InvalidOption: options: expected an object, found string$/);
});

test("the nearest known option of generate is named as well", async () => {
  const model = await Pali3.load(pathToFileURL(join(WWW, "models/pali3-tiny-q4")));
  await assert.rejects(model.generate({ numBeam: 4 }), { code: "InvalidOption", message: "option numBeam: unknown; did you mean numBeams?" });
  await assert.rejects(model.generate({ promt: "" }), { message: "option promt: unknown; did you mean prompt?" });
  await model.dispose();
});

test("memory that runs out has a class of its own, however it is said", () => {
  for (const thrown of [{ code: "DeviceLost", message: "device: Out of memory" }, new RangeError("Array buffer allocation failed")]) {
    const error = Pali3Error.from(thrown);
    assert.ok(error instanceof OutOfMemoryError && error.code === "OutOfMemory", error.message);
    assert.match(error.message, /the next call starts the model anew; a smaller dtype \("q4"\) takes less$/);
  }
  assert.equal(Pali3Error.from(new RangeError("Invalid count value")).code, "Internal");
});

/** RGBA of a PNG without interlacing, filtered rows and all: Node decodes no pictures. */
function pixels(png) {
  const view = new DataView(png.buffer, png.byteOffset);
  const [width, height] = [view.getUint32(16), view.getUint32(20)];
  const channels = { 2: 3, 6: 4 }[png[25]];
  const parts = [];
  for (let at = 8; at < png.length; at += 12 + view.getUint32(at)) {
    if (png.toString("latin1", at + 4, at + 8) === "IDAT") parts.push(png.subarray(at + 8, at + 8 + view.getUint32(at)));
  }
  const raw = inflateSync(Buffer.concat(parts));
  const stride = width * channels;
  const rows = new Uint8Array(stride * height);
  const paeth = (a, b, c) => [a, b, c].sort((x, y) => Math.abs(a + b - c - x) - Math.abs(a + b - c - y))[0];
  for (let y = 0; y < height; y++) {
    const filter = raw[y * (stride + 1)];
    for (let x = 0; x < stride; x++) {
      const a = x < channels ? 0 : rows[y * stride + x - channels];
      const b = y === 0 ? 0 : rows[(y - 1) * stride + x];
      const c = y === 0 || x < channels ? 0 : rows[(y - 1) * stride + x - channels];
      rows[y * stride + x] = raw[y * (stride + 1) + 1 + x] + [0, a, b, (a + b) >> 1, paeth(a, b, c)][filter];
    }
  }
  const data = new Uint8ClampedArray(width * height * 4).fill(255);
  for (let i = 0; i < width * height; i++) data.set(rows.subarray(i * channels, (i + 1) * channels), 4 * i);
  return { data, width, height };
}

const FOLDER = join(WWW, "models/pali3-tiny-q4");

/** Folders as an address, with an index of their files and without, and as blobs with names. */
const sources = {
  "file: URL": async () => pathToFileURL(FOLDER),
  "file: URL, no index": async () => pathToFileURL(join(WWW, "models/pali3-tiny")),
  files: async () => {
    const names = (await readdir(FOLDER)).filter((name) => /\.(json|safetensors)$/.test(name));
    return { files: await Promise.all(names.map(async (name) => Object.assign(await openAsBlob(join(FOLDER, name)), { name }))) };
  },
};

for (const [what, source] of Object.entries(sources)) {
  test(`a model on the disk (${what}) answers on the CPU, from pixels`, async () => {
    const model = await Pali3.load(await source());
    assert.deepEqual([model.device, model.worker, model.cached], ["cpu", false, false]);
    const [{ file, questions }] = JSON.parse(await readFile(join(WWW, "samples/samples.json"), "utf8"));
    const png = await readFile(join(WWW, "samples", file));
    const image = await model.encodeImage(pixels(png));
    for (const { question, answer } of questions.slice(0, 3)) {
      assert.equal((await model.generate({ image, prompt: question })).text, answer, question);
    }
    await assert.rejects(model.encodeImage(new Blob([png])), (error) => error instanceof InvalidInputError && /nothing decodes pictures here/.test(error.message));
    assert.ok((await model.memory()).wasm > 1e6);
    await model.dispose();
  });
}

test("all that the crate reads of a folder has been asked for its size before", async () => {
  for (const folder of ["www/models/pali3-tiny-q4", "www/models/pali3-tiny", "tests/fixtures/mt5-prompts", "tests/fixtures/siglip-two-towers"]) {
    const [read, sized] = [new Set(), new Set()];
    const { read: whole, readRange, size } = StreamedFolder.prototype;
    const noting = (set, real) =>
      function (file, ...rest) {
        set.add(file);
        return real.call(this, file, ...rest);
      };
    Object.assign(StreamedFolder.prototype, { size: noting(sized, size), read: noting(read, whole), readRange: noting(read, readRange) });
    try {
      let first;
      const onProgress = ({ totalBytes }) => (first ??= totalBytes);
      const model = await Pali3.load(pathToFileURL(resolve(WWW, "..", folder)), { onProgress });
      await model.dispose();
      const there = [...read].filter((file) => existsSync(resolve(WWW, "..", folder, file)));
      assert.deepEqual(there.filter((file) => !sized.has(file)), [], folder);
      assert.equal(first, there.map((file) => statSync(resolve(WWW, "..", folder, file)).size).reduce((a, b) => a + b, 0), folder);
    } finally {
      Object.assign(StreamedFolder.prototype, { size, read: whole, readRange });
    }
  }
});

/** The folder with a shard for each tensor: its files by their names. */
async function sharded(folder) {
  const whole = await readFile(join(folder, "model.safetensors"));
  const start = 8 + Number(whole.readBigUInt64LE(0));
  const { __metadata__, ...tensors } = JSON.parse(whole.toString("utf8", 8, start));
  const files = new Map();
  for (const name of (await readdir(folder)).filter((name) => name.endsWith(".json"))) files.set(name, await readFile(join(folder, name)));
  const weight_map = {};
  for (const [name, { data_offsets: [from, to], ...tensor }] of Object.entries(tensors)) {
    const header = Buffer.from(JSON.stringify({ [name]: { ...tensor, data_offsets: [0, to - from] } }));
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(header.length));
    weight_map[name] = `${name}.safetensors`;
    files.set(weight_map[name], Buffer.concat([length, header, whole.subarray(start + from, start + to)]));
  }
  files.set("model.safetensors.index.json", Buffer.from(JSON.stringify({ weight_map })));
  return files;
}

test("of many shards a few are asked for at a time", async () => {
  const files = await sharded(join(WWW, "models/pali3-tiny"));
  const warnings = [];
  const note = (warning) => warnings.push(warning.message);
  process.on("warning", note);
  let [open, most] = [0, 0];
  const model = await Pali3.load(async (name, range) => {
    const file = files.get(name);
    if (!file) return null;
    const shard = name.endsWith(".safetensors");
    if (shard) most = Math.max(most, ++open);
    await setTimeout(1);
    if (shard) open -= 1;
    const body = range ? file.subarray(range.start, range.end) : file;
    const headers = range && { "Content-Range": `bytes ${range.start}-${range.end - 1}/${file.length}` };
    return new Response(body, { status: range ? 206 : 200, headers });
  });
  await model.dispose();
  process.off("warning", note);
  // As many as browsers open connections to one server.
  assert.ok(most > 1 && most <= 6, `${most} at a time`);
  assert.deepEqual(warnings, []);
});
