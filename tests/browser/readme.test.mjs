// The code in the READMEs and recipes is run as it stands there: all blocks of a document in one module, in their order.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { ROOT, start } from "./chromium.mjs";

let browser;
before(async () => void (browser = await start()));
after(() => browser.stop());

/** The blocks of a document in a language. */
async function blocks(document, language) {
  const text = await readFile(join(ROOT, document), "utf8");
  return [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)].filter(([, found]) => found === language).map(([, , code]) => code);
}

/** What a page around the code would have. */
const AROUND = `
  const file = await (await fetch("/samples/scene-1.png")).blob();
  const output = document.body;
  const token = "secret";
`;

async function runs(code) {
  const page = await browser.newPage();
  const errors = [];
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("requestfailed", (request) => errors.push(`${request.url()} failed`));
  await page.goto(`${browser.url}/pkg/package.json`);
  await page.setContent("<!doctype html><title>README</title><body></body>");
  const module = `${code.replaceAll(/from "pali3"/g, 'from "/pkg/index.js"')}\nglobalThis.finished = true;`;
  await page.addScriptTag({ type: "module", content: module });
  await page.waitForFunction(() => globalThis.finished).catch((error) => errors.push(error.message));
  const text = await page.evaluate(() => document.body.innerText);
  await page.close();
  assert.deepEqual(errors, []);
  return text.trim();
}

test("pkg/README.md", async () => {
  const code = await blocks("pkg/README.md", "js");
  assert.ok(code.length >= 5);
  const [imports, ...rest] = code.join("\n").split(/(?<=^import .*$)/m);
  const text = await runs(`${imports}\n${AROUND}\n${rest.join("\n")}`);
  assert.match(text, /^(one|two|three|four|five|six|\d)$/);
});

test("README.md", async () => {
  const [html, ...others] = await blocks("README.md", "html");
  assert.deepEqual(others, []);
  const [, code] = /<script type="module">\n(.*?)<\/script>/s.exec(html);
  assert.match(await runs(code), /^\S+ (yes|no)$/);
});
