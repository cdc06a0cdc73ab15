// Which file of the package imports which: arrows between folders go down only, and no file comes back to itself.
import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { dirname, join, normalize, resolve } from "node:path";
import { test } from "node:test";

/** From the top down. A file directly in lib/ is for everybody, and imports nothing but its like. */
const FOLDERS = ["api", "engine", "cache", "source", "link", ""];

const LIB = resolve(import.meta.dirname, "../../pkg/lib");

/** Each file of lib/ and those that it imports, types included. */
async function imports() {
  const files = (await readdir(LIB, { recursive: true })).filter((name) => name.endsWith(".js"));
  const found = files.map(async (file) => {
    const text = await readFile(join(LIB, file), "utf8");
    const named = [...text.matchAll(/(?:from |import\()"(\.[^"]+)"/g)].map(([, name]) => normalize(join(dirname(file), name)));
    return [file, [...new Set(named)].filter((name) => !name.startsWith("../wasm/"))];
  });
  return new Map(await Promise.all(found));
}

const folderOf = (file) => FOLDERS.indexOf(dirname(file) === "." ? "" : dirname(file));

test("arrows between the package's folders go down only", async () => {
  const up = [];
  for (const [file, named] of await imports()) {
    assert.ok(folderOf(file) >= 0, `${file} is in a folder that is not in the list`);
    for (const name of named) if (folderOf(name) < folderOf(file)) up.push(`${file} imports ${name}`);
  }
  assert.deepEqual(up, []);
});

test("no file of the package imports itself by way of others", async () => {
  const all = await imports();
  assert.ok(all.size > 30);
  const done = new Set();
  const walk = (file, path) => {
    assert.ok(!path.includes(file), `a circle: ${[...path, file].join(" → ")}`);
    if (done.has(file)) return;
    for (const name of all.get(file)) walk(name, [...path, file]);
    done.add(file);
  };
  for (const file of all.keys()) walk(file, []);
});
