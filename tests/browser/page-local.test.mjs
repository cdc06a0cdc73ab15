// What stays on the machine: nothing is asked of any server once the page is there, and the page itself never waits.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { start } from "./chromium.mjs";
import { answered, ask, BUILT, choose, complaints, kept, open, samples, SAMPLES } from "./page.mjs";

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

/** What a task of the page's own thread may take at most, in milliseconds: what is longer is felt. */
const LONG = 50;

/** Turns of the loop in `sums` that take that long where these tests were written. */
const TURNS = 18_000_000;

/** Keeps the page's own thread busy. */
const sums = (page, turns) =>
  page.evaluate((turns) => {
    let sum = 0;
    for (let i = 0; i < turns; i += 1) sum += Math.sqrt(i);
    return sum;
  }, turns);

/** What `TURNS` take in the page now, in milliseconds: a slower or busier machine makes everything longer. */
const reference = async (page) => Math.max(...(await traced(page, () => sums(page, TURNS))));

/**
 * What the tasks of the page's own thread took that took longer than `LONG`, from the first line of the page to the last
 * answer, in milliseconds. Processor time of that thread, out of the browser's trace: by the clock a task also
 * waits for whatever else the machine does.
 */
async function longTasks(device) {
  const page = await browser.newPage();
  const before = await reference(page);
  const tasks = await traced(page, async () => {
    page.setDefaultTimeout(60_000);
    await page.goto(`${browser.url}/?device=${device}`);
    await page.locator("#status[data-device]").waitFor();
    for (const { question, answer } of samples[0].questions.slice(0, 3)) assert.equal(await ask(page, question), answer);
    await page.getByRole("button", { name: "Compare" }).click();
    await page.locator("#bars").waitFor();
  });
  const long = Math.max(LONG, before, await reference(page));
  await page.close();
  assert.ok(tasks.length > 100, "the trace holds the page's tasks");
  return tasks.filter((time) => time >= long);
}

/** Processor time of every task of the page's own thread while `work` goes on, in milliseconds. */
async function traced(page, work) {
  const chromium = page.context().browser();
  await chromium.startTracing(page, { categories: ["disabled-by-default-devtools.timeline"] });
  await work();
  // A task later, so that the last one of the work has ended, and is in the trace.
  await page.evaluate(() => new Promise((resolve) => setTimeout(resolve)));
  const { traceEvents } = JSON.parse(await chromium.stopTracing());
  const pages = traceEvents.filter(({ name, args }) => name === "thread_name" && args.name === "CrRendererMain");
  const threads = new Set(pages.map(({ pid, tid }) => `${pid} ${tid}`));
  // Without a time: a task that the trace's beginning or end cuts.
  const tasks = traceEvents.filter(({ name, pid, tid, tdur }) => name === "RunTask" && tdur !== undefined && threads.has(`${pid} ${tid}`));
  return tasks.map(({ tdur }) => tdur / 1000);
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
    // What slows the thread down, such as its core's other thread, comes and goes: the best of three counts.
    let long = [];
    for (let attempt = 0; attempt < 3; attempt += 1) {
      long = await longTasks(device);
      if (long.length === 0) break;
    }
    assert.deepEqual(long, [], `no task of ${LONG} ms or more`);
  });
}

test("a task that keeps the page's own thread busy is seen, one that waits is not", async () => {
  const page = await open(browser);
  const busy = await traced(page, () => sums(page, 300_000_000));
  assert.ok(Math.max(...busy) >= LONG, `${Math.max(...busy)} ms`);
  const idle = await traced(page, () => page.waitForTimeout(200));
  assert.ok(idle.every((time) => time < LONG), `${idle}`);
  await page.close();
});

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
