// Headless Chromium on a page of our own server, for the tests beside this file.
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { MOUNTS, serve } from "../../scripts/serve.mjs";

export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "../..");

/** WebGPU on the processor, so that the tests need no GPU. */
const WEBGPU = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"];

const FLAGS = [
  "--no-sandbox",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
];

/** What the tests need beside the page: fixtures, the module with the parity tests, a package that does not wait between tries. */
const TESTS = {
  "/fixtures/": join(ROOT, "tests/fixtures"),
  "/wasm-testing/": join(ROOT, "target/wasm-testing"),
  "/pkg/lib/source/patience.js": join(ROOT, "tests/browser/quick/patience.js"),
};

/**
 * Starts the server and the browser. `newPage()` opens a page that keeps what it logs in `page.log`.
 * @param {Record<string, string>} [mounts] more addresses to serve
 * @param {object} [options]
 * @param {string[]} [options.flags] more of Chromium's flags
 * @param {boolean} [options.webgpu] whether there is WebGPU
 * @param {(request: import("node:http").IncomingMessage, response: import("node:http").ServerResponse) => boolean} [options.handle]
 *   answers in place of the files, or just looks on and returns false
 */
export async function start(mounts = {}, { flags = [], webgpu = true, handle = () => false } = {}) {
  const { server, url } = await serve({ mounts: { ...MOUNTS, ...TESTS, ...mounts }, handle });
  const args = [...FLAGS, ...(webgpu ? WEBGPU : ["--disable-features=WebGPU", "--disable-webgpu"]), ...flags];
  const browser = await chromium.launch({ executablePath: process.env.PALI3_CHROMIUM ?? "/usr/bin/chromium", args });
  return {
    url,
    async newPage(options) {
      const page = await browser.newPage(options);
      page.setDefaultTimeout(240_000);
      page.log = [];
      page.on("console", (message) => page.log.push(`${message.type()}: ${message.text()} ${message.location().url}`));
      page.on("pageerror", (error) => page.log.push(`uncaught: ${error.message}`));
      return page;
    },
    async stop() {
      await browser.close();
      server.closeAllConnections();
      server.close();
    },
  };
}
