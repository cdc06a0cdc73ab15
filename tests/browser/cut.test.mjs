// scripts/cut.mjs, which takes functions out of the modules by their names: what goes, and what stays.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ROOT } from "./chromium.mjs";

/** A function that gives a number, after as many bytes of code that does nothing. */
const func = (name, exported, value, bytes) => `(func $${name} (export "${exported}") (result i32) ${"(nop) ".repeat(bytes)} (i32.const ${value}))`;

test("a parser of the shader generator becomes a trap; small functions and functions of other names stay", async () => {
  const folder = await mkdtemp(join(tmpdir(), "pali3-cut-"));
  try {
    const [text, module] = [join(folder, "m.wat"), join(folder, "m.wasm")];
    const functions = [
      func("combine::parser::Parser::parse", "parser", 1, 200),
      // As the linker names a function that has the same body as a parser's.
      func("combine::parser::choice::or", "shared", 2, 10),
      func("tokenizers::combine::parse", "other", 3, 200),
      // What is made for a parser is none.
      func("alloc::vec::Vec<combine::parser::Parser>::push", "made_for_it", 4, 200),
    ];
    await writeFile(text, `(module ${functions.join("\n")})`);
    execFileSync(join(ROOT, "node_modules/.bin/wasm-as"), ["-g", text, "-o", module]);
    const said = execFileSync("node", [join(ROOT, "scripts/cut.mjs"), module], { encoding: "utf8" });
    assert.match(said, /parsers of the shader generator's text: 1 functions, \d+ bytes/);

    const { parser, shared, other, made_for_it } = new WebAssembly.Instance(new WebAssembly.Module(await readFile(module))).exports;
    assert.throws(parser, WebAssembly.RuntimeError);
    assert.deepEqual([shared(), other(), made_for_it()], [2, 3, 4]);
  } finally {
    await rm(folder, { recursive: true });
  }
});
