// Where there is no browser, as in server-side rendering: importing does nothing, and calls give typed errors.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Pali3, Pali3Error } from "../../pkg/index.js";

test("the package can be imported and asked what is there", async () => {
  assert.deepEqual(await Pali3.isSupported(), { supported: true, webgpu: false, softwareAdapter: false });
});

test("a folder without a page to start from is a typed error", async () => {
  await assert.rejects(Pali3.load("models/pali3-tiny/"), (error) => error instanceof Pali3Error && error.code === "InvalidInput");
});

test("the nearest known option is named, whatever its case and underscores", async () => {
  const message = (options) => Pali3.load("http://localhost/", options).catch((error) => `${error.code}: ${error.message}`);
  assert.match(await message({ on_progres: () => {} }), /^InvalidOption: option on_progres: unknown; did you mean onProgress\?$/);
  assert.match(await message({ quantum: 1 }), /^InvalidOption: option quantum: unknown; known are device, dtype, onProgress, signal, wasmUrl$/);
  assert.match(await message("cpu"), /^InvalidOption: options: expected an object, found string$/);
});
