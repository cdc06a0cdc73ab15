// The demo page without a network, as an installed page has to work; and how it changes to a new version.
import assert from "node:assert/strict";
import { cp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { ROOT, start } from "./chromium.mjs";
import { ask, complaints, kept, keptFiles, ready, samples, until } from "./page.mjs";

const COPY = join(ROOT, "target/www-offline");
const { question, answer } = samples[0].questions[1];

/** The browser, whether the network is down, and whether the page comes with leave to keep it. */
let browser, down, lasting;
before(async () => {
  const mounts = { "/": COPY, "/models/": join(COPY, "models"), "/samples/": join(COPY, "samples") };
  browser = await start(mounts, {
    handle: (request, response) => {
      if (down) response.destroy();
      if (down || !lasting || !["/", "/index.html"].includes(request.url.split("?")[0])) return down;
      // As many hosts send it: browsers need not ask again for an hour.
      response.writeHead(200, { "Content-Type": "text/html; charset=utf-8", "Cache-Control": "max-age=3600" });
      void readFile(join(COPY, "index.html")).then((page) => response.end(page));
      return true;
    },
  });
});
beforeEach(async () => {
  down = lasting = false;
  // A copy, so that a new version can be put in its place. Each test has a page with a memory of its own.
  await rm(COPY, { recursive: true, force: true });
  await cp(join(ROOT, "target/www"), COPY, { recursive: true });
});
after(async () => {
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
  const files = await keptFiles(page);
  assert.ok(files.includes("/") && files.some((file) => /\/page-.*\.js$/.test(file)), `${files}`);
  assert.deepEqual(files.filter((file) => /models|safetensors/.test(file)), []);
  // Of the modules, the one that is used.
  const modules = () => keptFiles(page).then((files) => files.filter((file) => file.endsWith(".wasm")).map((file) => /pali3_[a-z]+/.exec(file)[0]));
  assert.deepEqual(await modules(), ["pali3_cpu"]);
  await page.locator("#open-model").click();
  await page.getByRole("radio", { name: "WebGPU" }).check();
  await page.locator('#status[data-device="webgpu"]').waitFor();
  for (const end = Date.now() + 10_000; (await modules()).length < 2 && Date.now() < end; ) await page.waitForTimeout(50);
  assert.deepEqual((await modules()).sort(), ["pali3_cpu", "pali3_webgpu"]);
  assert.deepEqual(complaints(page), []);
  await page.close();
});

/**
 * Puts another version in the place of the page: another page and another module, which has another name, and so have the
 * scripts that name them; and, as in any build, another version in the service worker.
 */
async function renew() {
  const assets = await readdir(join(COPY, "assets"));
  const renamed = (name) => name.replace(/-.{8}\.(js|wasm)$/, "-NewNew01.$1");
  for (const name of assets) await rename(join(COPY, "assets", name), join(COPY, "assets", renamed(name)));
  const version = /[`"]([0-9a-f]{16})[`"]/.exec(await readFile(join(COPY, "sw.js"), "utf8"))[1];
  for (const name of ["index.html", "sw.js", ...assets.filter((name) => name.endsWith(".js")).map((name) => `assets/${renamed(name)}`)]) {
    let text = await readFile(join(COPY, name), "utf8");
    for (const asset of assets) text = text.replaceAll(asset, renamed(asset));
    text = text.replace("<title>pali3", "<title>new: pali3").replace(version, "1234567890abcdef");
    await writeFile(join(COPY, name), text);
  }
}

test("a new version shows at the next visit, whole, and the old one goes", async () => {
  const page = await visit();
  await renew();

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
  const files = await keptFiles(page);
  assert.ok(files.some((file) => /pali3_cpu_bg-NewNew01\.wasm$/.test(file)) && !files.some((file) => file.includes("webgpu")), `${files}`);
  down = true;
  await page.context().setOffline(true);
  await page.reload();
  await ready(page);
  assert.match(await page.title(), /^new/);
  assert.equal(await ask(page, question), answer);
  await page.close();
});

test("a host that lets browsers keep the page for an hour does not mix an old page with a new version", async () => {
  lasting = true;
  const page = await visit();
  // The page is in the browser's own cache now.
  await page.goto(`${browser.url}/`);
  await ready(page);
  await renew();
  await page.evaluate(async () => (await navigator.serviceWorker.getRegistration()).update());
  await until(page, async () => (await navigator.serviceWorker.getRegistration())?.waiting?.state === "installed");
  const title = await page.evaluate(async () => {
    const kept = await (await caches.open("pali3-page-1234567890abcdef")).match("/");
    return /<title>(.*?)<\/title>/.exec(await kept.text())[1];
  });
  assert.match(title, /^new/);

  // The new one takes over, and removes the scripts of the old one.
  await page.goto("about:blank");
  await page.goto(`${browser.url}/?device=cpu`);
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
