// What the tests of the demo page share: open it, ask, look.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ROOT } from "./chromium.mjs";

export const SAMPLES = join(ROOT, "www/samples");
export const MODEL = join(ROOT, "www/models/pali3-tiny-q4");

/** The page as it is passed on: models and samples are the build's own. */
export const BUILT = { "/models/": join(ROOT, "target/www/models"), "/samples/": join(ROOT, "target/www/samples") };

/** Sample pictures with questions whose answers are on record. */
export const samples = JSON.parse(await readFile(join(SAMPLES, "samples.json"), "utf8"));

/** Opens the page and waits for the model and a picture. */
export async function open(browser, query = "?device=cpu", options = {}) {
  const page = await browser.newPage(options);
  page.setDefaultTimeout(60_000);
  await page.goto(`${browser.url}/${query}`);
  await ready(page);
  return page;
}

export async function ready(page) {
  await page.locator("#status[data-device]").waitFor();
  await page.locator("#preview[src]").waitFor();
}

/** Asks, waits for the whole answer and for where the model looked, and gives the answer. */
export async function ask(page, question) {
  await page.getByLabel("Question about the picture").fill(question);
  await page.getByRole("button", { name: "Ask" }).click();
  return answered(page);
}

export async function answered(page) {
  await page.locator("#timings").filter({ hasText: "probability" }).waitFor();
  await page.locator(".word").first().waitFor();
  return (await page.locator("#answer").textContent()).trim();
}

/** Shows a file of the visitor's. */
export async function choose(page, file) {
  const before = await page.locator("#preview").getAttribute("src");
  await page.locator("#file").setInputFiles(file);
  await page.waitForFunction((before) => document.querySelector("#preview").getAttribute("src") !== before, before);
}

/** Waits until a function, asynchronous or not, gives true in the page. */
export async function until(page, what, seconds = 30) {
  for (const end = Date.now() + seconds * 1000; ; await page.waitForTimeout(50)) {
    if (await page.evaluate(what)) return;
    if (Date.now() > end) throw new Error(`not within ${seconds} s: ${what}`);
  }
}

/** Addresses of all that the page's service worker has kept. */
export const keptFiles = (page) =>
  page.evaluate(async () => {
    const names = (await caches.keys()).filter((name) => name.startsWith("pali3-page-"));
    const requests = await Promise.all(names.map(async (name) => (await caches.open(name)).keys()));
    return requests.flat().map(({ url }) => new URL(url).pathname);
  });

/** Waits until the page is kept for use offline, the module of its device as well. */
export async function kept(page) {
  await until(page, async () => (await navigator.serviceWorker.getRegistration())?.active?.state === "activated");
  while (!(await keptFiles(page)).some((file) => file.endsWith(".wasm"))) await page.waitForTimeout(50);
}

/** What went wrong unseen: errors in the console, exceptions, breaches of the page's policy. */
export const complaints = (page) => page.log.filter((line) => /^(error|uncaught)/.test(line));

/** The veil over the picture at a grid of points: 0 clear, 255 dark. Empty where there is none. */
export function veil(page, rows = 8, columns = 8) {
  return page.evaluate(
    ([rows, columns]) => {
      const canvas = document.querySelector("#heat");
      if (canvas.hidden) return [];
      const context = canvas.getContext("2d");
      const at = (row, column) => context.getImageData(((column + 0.5) / columns) * canvas.width, ((row + 0.5) / rows) * canvas.height, 1, 1).data[3];
      return Array.from({ length: rows * columns }, (_, patch) => at(Math.floor(patch / columns), patch % columns));
    },
    [rows, columns],
  );
}
