// What stays on the machine: nothing is asked of any server once the page is there, and the page itself never waits.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { start } from "./chromium.mjs";
import { answered, ask, BUILT, choose, complaints, kept, open, samples, SAMPLES, until } from "./page.mjs";

let browser;
/** Every request that came to the server. */
const served = [];
const look = (request) => {
  served.push(`${request.method} ${request.url}`);
  return false;
};

before(async () => {
  const flags = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"];
  browser = await start(BUILT, { flags, handle: look });
});
after(() => browser.stop());

/** Tasks of 50 ms or more on the page's thread, from the first line of the page to the last answer. */
async function longTasks(device) {
  const page = await browser.newPage();
  page.setDefaultTimeout(60_000);
  await page.addInitScript(() => {
    globalThis.long = [];
    new PerformanceObserver((list) => {
      for (const { startTime, duration } of list.getEntries()) globalThis.long.push({ startTime, duration });
    }).observe({ type: "longtask", buffered: true });
  });
  await page.goto(`${browser.url}/?device=${device}`);
  await page.locator("#status[data-device]").waitFor();
  for (const { question, answer } of samples[0].questions.slice(0, 3)) assert.equal(await ask(page, question), answer);
  await page.getByRole("button", { name: "Compare" }).click();
  await page.locator("#bars").waitFor();
  const found = await page.evaluate(() => globalThis.long.splice(0));
  // The measure sees one where there is one.
  await page.evaluate(() => {
    setTimeout(() => {
      for (const end = performance.now() + 80; performance.now() < end; );
    });
  });
  await until(page, () => globalThis.long.length > 0);
  await page.close();
  return found;
}

for (const device of ["cpu", "webgpu"]) {
  test(`no request is made after the load (${device})`, async () => {
    const page = await open(browser, `?device=${device}`);
    await kept(page);
    await page.waitForLoadState("networkidle");

    // From here on: what the page and its workers ask of anybody, and what the server sees.
    const asked = [];
    page.on("request", (request) => asked.push(`${request.method()} ${request.url()}`));
    served.length = 0;
    await choose(page, join(SAMPLES, samples[0].file));
    for (const { question, answer } of samples[0].questions.slice(0, 3)) assert.equal(await ask(page, question), answer);
    await page.locator(".word").hover();
    await page.getByRole("button", { name: "Compare" }).click();
    await page.locator("#bars").waitFor();
    await page.getByRole("button", { name: "Sample picture 5" }).click();
    await page.locator("#suggestions button").first().click();
    await answered(page);
    await page.locator("#open-model").click();
    await page.locator("#stored button").waitFor();
    // What is shown from memory has an address too, but nobody is asked for it.
    assert.deepEqual(asked.filter((request) => !/ (blob|data):/.test(request)), []);
    assert.deepEqual(served, []);
    assert.deepEqual(complaints(page), []);
    // Both see what there is to see.
    await page.evaluate(() => fetch("seen"));
    assert.deepEqual([asked.at(-1), served], [`GET ${browser.url}/seen`, ["GET /seen"]]);
    await page.close();
  });

  test(`the page's own thread is never busy for long (${device})`, async () => {
    // A machine that has other things to do makes tasks longer, never shorter: the best of three counts.
    let long = [];
    for (let attempt = 0; attempt < 3; attempt += 1) {
      long = await longTasks(device);
      if (long.length === 0) break;
    }
    assert.deepEqual(long, [], "no task of 50 ms or more");
  });
}

describe("the camera", () => {
  test("gives a picture that can be asked about, and is off afterwards", async () => {
    const page = await open(browser);
    const before = await page.locator("#preview").getAttribute("src");
    await page.getByRole("button", { name: "Take a picture" }).click();
    await page.getByText("The picture stays on this machine.").waitFor();
    await page.getByRole("button", { name: "Take the picture" }).click();
    await page.waitForFunction((before) => document.querySelector("#preview").getAttribute("src") !== before, before);
    assert.ok(await page.locator("#camera-dialog").isHidden());
    assert.equal(await page.locator("#video").evaluate((video) => video.srcObject), null);
    assert.ok(await page.locator("#preview").evaluate(({ naturalWidth, naturalHeight }) => naturalWidth > 100 && naturalHeight > 100));
    assert.ok((await ask(page, "how many shapes are there?")).length > 0);
    assert.deepEqual(complaints(page), []);
    await page.close();
  });

  test("not allowed: said in plain words", async () => {
    const page = await open(browser);
    await page.evaluate(() => {
      navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("Permission denied", "NotAllowedError"));
    });
    await page.getByRole("button", { name: "Take a picture" }).click();
    await page.getByText("The browser was not allowed to use the camera.").waitFor();
    assert.ok(await page.getByRole("button", { name: "Take the picture" }).isDisabled());
    await page.close();
  });
});
