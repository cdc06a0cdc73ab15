// The code in the READMEs and recipes is run as it stands there: all blocks of a document in one module, in their order.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import ts from "typescript";
import { ROOT, start } from "./chromium.mjs";

let browser;
before(async () => void (browser = await start()));
after(() => browser.stop());

/** The blocks of a document in a language, and with a mark behind it if one is asked for: ```js worker */
async function blocks(document, language, mark) {
  const text = await readFile(join(ROOT, document), "utf8");
  const all = [...text.matchAll(/^```(\w+) ?(\w*)\n(.*?)^```$/gms)].map(([, language, mark, code]) => ({ language, mark, code }));
  return all.filter((block) => block.language === language && (mark === undefined || block.mark === mark)).map(({ code }) => code);
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

test("RECIPES.md: all code is JavaScript", async () => {
  const code = [...(await blocks("pkg/RECIPES.md", "js")), ...(await blocks("pkg/RECIPES.md", "jsx"))];
  assert.ok(code.length >= 6);
  for (const block of code) {
    const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ESNext, jsx: ts.JsxEmit.ReactJSX, allowJs: true };
    const { diagnostics } = ts.transpileModule(block, { fileName: "recipe.jsx", reportDiagnostics: true, compilerOptions });
    assert.deepEqual(diagnostics.map(({ messageText }) => messageText), [], block);
  }
  for (const block of await blocks("pkg/RECIPES.md", "json")) JSON.parse(block);
});

test("RECIPES.md: a worker of one's own", async () => {
  const [code] = await blocks("pkg/RECIPES.md", "js", "worker");
  const text = await runs(`
    const code = ${JSON.stringify(code)}.replace('"pali3"', JSON.stringify(new URL("/pkg/index.js", location.href).href));
    const worker = new Worker(URL.createObjectURL(new Blob([code], { type: "text/javascript" })), { type: "module" });
    const bitmap = await createImageBitmap(await (await fetch("/samples/scene-1.png")).blob());
    const answer = new Promise((done) => (worker.onmessage = ({ data }) => done(data)));
    worker.postMessage({ bitmap, question: "is there a red circle?" });
    document.body.append(await answer);
  `);
  assert.match(text, /^(yes|no)$/);
});

test("RECIPES.md: errors", async () => {
  const [code] = await blocks("pkg/RECIPES.md", "js", "errors");
  await runs(`${code.replace("try {", `
    import { Pali3 } from "pali3";
    const model = await Pali3.load("/models/pali3-tiny-q4/");
    const image = await model.encodeImage("/samples/scene-1.png");
    try {`)}`);
});
