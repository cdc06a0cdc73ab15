// The package in a page, for the tests beside this file: functions that run there, and what HF gave for the same input.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ROOT, start } from "./chromium.mjs";

export const FIXTURE = "pali3-prepend";
/** Its folder. */
export const MODEL = `/fixtures/${FIXTURE}/`;

/** The browser, a page in which the package is loaded (`openPage` opens it), and what HF gave for the fixture. */
export let browser, page, reference;

/** Starts the browser. */
export async function open() {
  browser = await start();
  reference = JSON.parse(await readFile(join(ROOT, "tests/fixtures", FIXTURE, "reference.json"), "utf8"));
}

export const close = () => browser.stop();

/** What HF's generate() gave. */
export const recorded = (variant, name) => reference.generation.find((g) => g.variant === variant && g.name === name);
export const prompt = () => reference.variants[0].prompts[0];

/** Runs a function in the page. What it throws comes back as {name, code, message}. */
export function inPage(work, argument) {
  return page.evaluate(
    async ([source, argument]) => {
      try {
        return { value: await (0, eval)(`(${source})`)(argument) };
      } catch (error) {
        return { error: { name: error.name, code: error.code, message: error.message, isError: error instanceof Pali3Error } };
      }
    },
    [work.toString(), argument],
  );
}

/** What a function gives in the page. */
export async function value(work, argument) {
  const { value, error } = await inPage(work, argument);
  assert.equal(error, undefined, JSON.stringify(error));
  return value;
}

/** Runs a function in the page that has to end with a typed error. */
export async function fails(code, pattern, work, argument) {
  const { value, error } = await inPage(work, argument);
  assert.equal(value, undefined);
  const name = code === "Aborted" ? "AbortError" : `${code}Error`;
  assert.deepEqual([error.name, error.code, error.isError], [name, code, true], error.message);
  assert.match(error.message, pattern);
}

/**
 * Opens a page with the package, and in it `load`, which loads the fixture's model onto a device.
 * @param {"cpu" | "webgpu"} device
 */
export async function openPage(device, worker = true) {
  page = await browser.newPage();
  await page.goto(`${browser.url}/pkg/package.json`);
  await page.evaluate(
    async ([folder, device, worker]) => {
      Object.assign(globalThis, await import("/pkg/index.js"));
      globalThis.folder = folder;
      globalThis.device = device;
      globalThis.load = (options) => Pali3.load(folder, { device, worker, ...options });
    },
    [MODEL, device, worker],
  );
}
