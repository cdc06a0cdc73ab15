// The demo page and its models: from a folder, from an address, paused and resumed, stored, on another device.
import assert from "node:assert/strict";
import { createReadStream, statSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { after, before, beforeEach, test } from "node:test";
import { serve } from "../../scripts/serve.mjs";
import { ROOT, start } from "./chromium.mjs";
import { ask, BUILT, complaints, MODEL, open, ready } from "./page.mjs";

const SHARD = "model-00001-of-00001.safetensors";
const SHARD_BYTES = statSync(join(MODEL, SHARD)).size;
const COLOUR = "what is the color of the triangle?";

let browser;
/** What was asked of the slow server: ranges of the shard, with the bytes that were sent. */
let slow = [];
/** Bytes a second at which it sends the shard. */
let rate = Infinity;

before(async () => (browser = await start({ ...BUILT, "/slow/": MODEL }, { handle })));
after(() => browser.stop());
beforeEach(() => {
  slow = [];
  rate = Infinity;
});

/** Sends the shard in small pieces and counts what goes out. */
function handle(request, response) {
  const { pathname } = new URL(request.url, "http://localhost");
  if (pathname !== `/slow/${SHARD}`) return false;
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "bytes=0-") ?? [];
  const [start, end] = [Number(from), to ? Math.min(Number(to), SHARD_BYTES - 1) : SHARD_BYTES - 1];
  const sent = { start, bytes: 0 };
  const headers = { "Content-Length": end - start + 1, "Accept-Ranges": "bytes", ETag: '"one"', "Content-Type": "application/octet-stream" };
  if (request.headers.range) headers["Content-Range"] = `bytes ${start}-${end}/${SHARD_BYTES}`;
  response.writeHead(request.headers.range ? 206 : 200, headers);
  if (request.method === "HEAD") {
    response.end();
    return true;
  }
  slow.push(sent);
  void (async () => {
    for await (const piece of createReadStream(join(MODEL, SHARD), { start, end, highWaterMark: 16384 })) {
      if (response.destroyed) return;
      response.write(piece);
      sent.bytes += piece.length;
      if (rate < Infinity) await wait((piece.length / rate) * 1000);
    }
    response.end();
  })();
  return true;
}

async function sample4(page) {
  await page.getByRole("button", { name: "Sample picture 4" }).click();
  return ask(page, COLOUR);
}

test("a download is paused and resumed: no byte of it comes twice", async () => {
  rate = 150_000;
  const page = await browser.newPage();
  page.setDefaultTimeout(60_000);
  await page.goto(`${browser.url}/?device=cpu&model=slow/`);
  const detail = page.locator("#load-detail");
  await detail.filter({ hasText: /0\.[2-6]\d?\sMB of 0\.7\d?\sMB · .*\/s · .* left/ }).waitFor();
  await page.getByRole("button", { name: "Pause" }).click();
  await page.locator("#load-text").filter({ hasText: "Paused" }).waitFor();
  assert.match(await detail.textContent(), /What has come is kept/);
  assert.match(await page.locator("#status").textContent(), /paused/);
  const before = slow.reduce((sum, { bytes }) => sum + bytes, 0);
  assert.ok(before < SHARD_BYTES);
  // Paused is paused.
  await wait(700);
  const settled = slow.reduce((sum, { bytes }) => sum + bytes, 0);
  assert.ok(settled - before <= 65_536, `${settled - before} bytes came while paused`);

  // A question can be asked meanwhile: it waits.
  await page.getByLabel("Question about the picture").fill(COLOUR);
  await page.getByRole("button", { name: "Sample picture 4" }).click();
  await page.getByRole("button", { name: "Ask" }).click();
  await page.locator("#timings").filter({ hasText: "as soon as the model is here" }).waitFor();
  const requests = slow.length;
  rate = Infinity;
  await page.getByRole("button", { name: "Resume" }).click();
  await page.locator(".word").first().waitFor();
  assert.equal(await page.locator("#answer").textContent(), "green");

  const resumed = slow.slice(requests);
  assert.ok(resumed.length > 0 && resumed.every(({ start }) => start > 100_000), `resumed at ${resumed.map(({ start }) => start)}`);
  // What was under way when it was paused may be lost, but not what was stored: at most the network's own buffers.
  const total = slow.reduce((sum, { bytes }) => sum + bytes, 0);
  assert.ok(total - SHARD_BYTES < 300_000, `${total} bytes for ${SHARD_BYTES}`);
  assert.deepEqual(complaints(page), []);
  await page.close();
});

test("a folder of the visitor's own, chosen", async () => {
  const page = await open(browser);
  await page.locator("#open-model").click();
  const chooser = page.waitForEvent("filechooser");
  await page.getByRole("button", { name: "Folder on this machine" }).click();
  await (await chooser).setFiles(MODEL);
  await page.locator("#status").filter({ hasText: "loading" }).waitFor({ state: "attached" }).catch(() => {});
  await ready(page);
  assert.equal(await sample4(page), "green");
  await page.locator("#open-model").click();
  // Files of the visitor's are read where they are, and not stored: only the shipped model is.
  await page.locator("#stored button").waitFor();
  assert.equal(await page.locator("#stored li").count(), 1);
  assert.match(await page.locator("#facts").textContent(), /pali3-tiny-q4/);
  assert.ok(await page.locator("#limits").isHidden(), "what is said of the shipped model does not hold for others");
  assert.deepEqual(complaints(page), []);
  await page.close();
});

test("a model folder, dropped", async () => {
  const page = await open(browser);
  const client = await page.context().newCDPSession(page);
  const data = { items: [], files: [join(ROOT, "www/models/pali3-tiny")], dragOperationsMask: 1 };
  for (const type of ["dragEnter", "dragOver", "drop"]) await client.send("Input.dispatchDragEvent", { type, x: 300, y: 300, data });
  await page.locator("#status").filter({ hasText: "pali3-tiny on the CPU" }).waitFor();
  assert.equal(await sample4(page), "green");
  await page.close();
});

test("a model by its address, which stays in the page's own", async () => {
  const page = await open(browser);
  await page.locator("#open-model").click();
  await page.getByLabel("Address of a model folder").fill(`${browser.url}/fixtures/pali3-prepend`);
  await page.getByRole("button", { name: "Load", exact: true }).click();
  await page.locator("#status").filter({ hasText: "pali3-prepend on the CPU" }).waitFor();
  assert.equal(new URL(page.url()).searchParams.get("model"), `${browser.url}/fixtures/pali3-prepend/`);
  assert.equal(new URL(page.url()).searchParams.get("device"), "cpu");
  await ask(page, "what is it?");

  await page.locator("#open-model").click();
  await page.getByRole("button", { name: "Shipped model" }).click();
  await page.locator("#status").filter({ hasText: "pali3-tiny-q4 on the CPU" }).waitFor();
  assert.equal(new URL(page.url()).searchParams.get("model"), null);
  assert.equal(await sample4(page), "green");
  await page.close();
});

test("another device: the page loads the model there", async () => {
  const page = await open(browser);
  await page.locator("#open-model").click();
  await page.getByText("only a software adapter").waitFor();
  await page.getByRole("radio", { name: "WebGPU" }).check();
  await page.locator('#status[data-device="webgpu"]').waitFor();
  assert.equal(new URL(page.url()).searchParams.get("device"), "webgpu");
  await page.locator("#facts").filter({ hasText: "WebGPU" }).waitFor();
  await page.getByRole("button", { name: "Close" }).click();
  assert.equal(await sample4(page), "green");
  await page.close();
});

test("stored models: listed, kept, deleted", async () => {
  const page = await open(browser);
  await page.locator("#open-model").click();
  const entry = page.locator("#stored li").filter({ hasText: "pali3-tiny-q4" });
  await entry.waitFor();
  assert.match(await entry.textContent(), /0\.7\d?\sMB · works offline/);
  await page.getByRole("button", { name: "Keep when the disk is full" }).click();
  await page.locator("#storage-note").filter({ hasText: /keeps the models|does not promise/ }).waitFor();
  await page.getByRole("button", { name: "Delete pali3-tiny-q4" }).click();
  await page.locator("#stored").filter({ hasText: "Nothing yet" }).waitFor();
  assert.match(await page.locator("#storage-note").textContent(), /is deleted/);
  assert.ok(await page.getByRole("button", { name: "Delete all" }).isHidden());
  // It is in memory all the same.
  await page.keyboard.press("Escape");
  assert.equal(await sample4(page), "green");
  await page.close();
});

test("an address that is none is said so, and the page goes on", async () => {
  const page = await browser.newPage();
  await page.goto(`${browser.url}/?model=http://&device=cpu`);
  await page.getByRole("alert").filter({ hasText: "“http://” is not the address of a model folder" }).waitFor();
  assert.deepEqual(complaints(page), []);
  await page.getByRole("button", { name: "Try again" }).click();
  await ready(page);
  assert.equal(await sample4(page), "green");
  await page.close();
});

test("a link to a model on another site fetches nothing before the visitor agrees", async () => {
  const asked = [];
  const look = (request) => void asked.push(request.url);
  const headers = { "Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "Content-Range, ETag" };
  const other = await serve({ mounts: { "/far/": MODEL }, headers, handle: look });
  const page = await browser.newPage();
  await page.goto(`${browser.url}/?model=${other.url}/far/&device=cpu`);
  await page.locator("#load-text").filter({ hasText: `asks for a model from ${new URL(other.url).host}: far` }).waitFor();
  assert.match(await page.locator("#status").textContent(), /far is not loaded yet/);
  // Another device is no consent.
  await page.locator("#open-model").click();
  await page.getByRole("radio", { name: "WebGPU" }).check();
  await page.getByRole("radio", { name: "CPU", exact: true }).check();
  await page.keyboard.press("Escape");
  // A question waits.
  await page.getByRole("button", { name: "Sample picture 4" }).click();
  await page.getByLabel("Question about the picture").fill(COLOUR);
  await page.getByRole("button", { name: "Ask" }).click();
  await page.locator("#timings").filter({ hasText: "as soon as the model is here" }).waitFor();
  assert.deepEqual(asked, []);
  await page.getByRole("button", { name: "Load it" }).click();
  await page.locator("#status").filter({ hasText: "far on the CPU" }).waitFor();
  await page.locator(".word").first().waitFor();
  assert.equal(await page.locator("#answer").textContent(), "green");
  assert.ok(asked.length > 0);

  // What is stored needs no download, and so no question.
  await page.reload();
  await page.locator("#status").filter({ hasText: "far on the CPU" }).waitFor();
  assert.deepEqual(complaints(page), []);
  await page.close();
  other.server.closeAllConnections();
  other.server.close();
});

test("a model that is not there is said so in plain words, and can be tried again", async () => {
  const page = await browser.newPage();
  await page.goto(`${browser.url}/?model=nowhere/&device=cpu`);
  const alert = page.getByRole("alert");
  await alert.waitFor();
  assert.match(await alert.textContent(), /A file is missing/);
  assert.equal(await alert.getAttribute("data-code"), "NotFound");
  // A picture that is chosen meanwhile does not hide why there is no model.
  await page.getByRole("button", { name: "Sample picture 2" }).click();
  assert.ok(await alert.isVisible());
  await page.getByRole("button", { name: "Try again" }).click();
  await page.locator("#status").filter({ hasText: "No model" }).waitFor();
  await page.locator("#open-model").click();
  await page.getByRole("button", { name: "Shipped model" }).click();
  await ready(page);
  assert.ok(await alert.isHidden());
  await page.close();
});

test("the build holds the shipped model, whole", async () => {
  const shipped = await readdir(join(ROOT, "target/www/models/pali3-tiny-q4"));
  assert.deepEqual(shipped.sort(), (await readdir(MODEL)).sort());
});
