// The demo page without a network, as an installed page has to work; and how it changes to a new version.
import assert from "node:assert/strict";
import { cp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { ROOT, start } from "./chromium.mjs";
import { ask, complaints, kept, ready, samples, until } from "./page.mjs";

const COPY = join(ROOT, "target/www-offline");
const { question, answer } = samples[0].questions[1];

let browser, down;
beforeEach(async () => {
  down = false;
  // A copy, so that a new version can be put in its place.
  await rm(COPY, { recursive: true, force: true });
  await cp(join(ROOT, "target/www"), COPY, { recursive: true });
  const mounts = { "/": COPY, "/models/": join(COPY, "models"), "/samples/": join(COPY, "samples") };
  browser = await start(mounts, {
    handle: (request, response) => {
      if (down) response.destroy();
      return down;
    },
  });
});
afterEach(async () => {
  await browser.stop();
  await rm(COPY, { recursive: true, force: true });
});

async function visit(query = "?device=cpu") {
  const page = await browser.newPage();
  page.setDefaultTimeout(60_000);
  await page.goto(`${browser.url}/${query}`);
  await ready(page);
  await kept(page);
  return page;
}

for (const device of ["cpu", "webgpu"]) {
  test(`loaded once, it works with the network off (${device})`, async () => {
    const page = await visit(`?device=${device}`);
    // Neither the browser nor the server lets anything through.
    await page.context().setOffline(true);
    down = true;
    await page.reload();
    await ready(page);
    assert.equal(await ask(page, question), answer);
    await page.getByRole("button", { name: "Sample picture 4" }).click();
    assert.equal(await ask(page, "what is the color of the triangle?"), "green");
    await page.locator("#open-model").click();
    await page.locator("#stored").filter({ hasText: "works offline" }).waitFor();
    await page.close();
  });
}

test("the service worker keeps the page, and no weights", async () => {
  const page = await visit();
  const stored = await page.evaluate(async () => {
    const names = (await caches.keys()).filter((name) => name.startsWith("pali3-page-"));
    const requests = await Promise.all(names.map(async (name) => (await caches.open(name)).keys()));
    return { names, files: requests.flat().map(({ url }) => new URL(url).pathname) };
  });
  assert.equal(stored.names.length, 1);
  assert.ok(stored.files.includes("/") && stored.files.some((file) => file.endsWith(".wasm")), `${stored.files}`);
  assert.deepEqual(stored.files.filter((file) => /models|safetensors/.test(file)), []);
  assert.deepEqual(complaints(page), []);
  await page.close();
});

test("a new version shows at the next visit, whole, and the old one goes", async () => {
  const page = await visit();
  // Another index.html and, as in any build, another version in the service worker.
  const index = await readFile(join(COPY, "index.html"), "utf8");
  await writeFile(join(COPY, "index.html"), index.replace("<title>pali3", "<title>new: pali3"));
  const worker = await readFile(join(COPY, "sw.js"), "utf8");
  const version = /[`"]([0-9a-f]{16})[`"]/.exec(worker)[1];
  await writeFile(join(COPY, "sw.js"), worker.replace(version, "1234567890abcdef"));

  await page.reload();
  await ready(page);
  assert.match(await page.title(), /^new/);
  assert.equal(await ask(page, question), answer);
  // The browser looks for a new service worker in its own time.
  await until(page, async () => (await navigator.serviceWorker.getRegistration())?.waiting?.state === "installed");

  // Once no tab uses the old one, the new one takes over and removes it.
  await page.goto("about:blank");
  await page.goto(`${browser.url}/?device=cpu`);
  await ready(page);
  await until(page, async () => (await caches.keys()).filter((name) => name.startsWith("pali3-page-")).join() === "pali3-page-1234567890abcdef");
  down = true;
  await page.context().setOffline(true);
  await page.reload();
  await ready(page);
  assert.match(await page.title(), /^new/);
  assert.equal(await ask(page, question), answer);
  await page.close();
});

test("it can be installed: Chromium finds nothing wrong with the manifest", async () => {
  const page = await visit();
  const client = await page.context().newCDPSession(page);
  const { errors, url } = await client.send("Page.getAppManifest");
  assert.match(url, /manifest\.webmanifest$/);
  assert.deepEqual(errors, []);
  const { installabilityErrors } = await client.send("Page.getInstallabilityErrors");
  // The tests' browser is a private window, which installs nothing.
  assert.deepEqual(installabilityErrors.filter(({ errorId }) => errorId !== "in-incognito"), []);
  await page.close();
});
