// The crate's own test bodies (src/testing), run in a page of any browser whose server has them under /wasm-testing/.
import assert from "node:assert/strict";

/**
 * Runs a case and holds what it compared against its tolerances; says in words how it went.
 * @param {any} page of Playwright or Puppeteer
 * @param {string} name @param {"cpu" | "webgpu"} device
 * @param {string[]} [files] what the case may read, as paths under /fixtures/
 */
export async function compare(page, name, device, files = []) {
  const { checks, error } = await page.evaluate(inPage, { name, device, files });
  assert.equal(error, undefined);
  const found = JSON.parse(checks);
  assert.ok(found.length > 0, "nothing was compared");
  // JSON has no infinity: what could not be compared is null.
  const off = found.filter(({ max_abs_error, tolerance }) => max_abs_error === null || !(max_abs_error <= tolerance));
  assert.deepEqual(off, [], `${off.length} of ${found.length} checks are off`);
  const largest = Math.max(...found.map(({ max_abs_error }) => max_abs_error));
  return { names: found.map(({ name }) => name), summary: `${found.length} checks, at most ${largest.toExponential(1)} off` };
}

async function inPage({ name, device, files }) {
  try {
    const wasm = await import(`/wasm-testing/pali3_${device}.js`);
    await wasm.default();
    const contents = new Map();
    for (const file of files) contents.set(file, new Uint8Array(await (await fetch(`/fixtures/${file}`)).arrayBuffer()));
    const panicked = new Promise((_, reject) => wasm.start((message) => reject(new Error(message))));
    return { checks: await Promise.race([wasm.runParity(name, device, (file) => contents.get(file) ?? null), panicked]) };
  } catch (error) {
    return { error: `${error.code ?? ""} ${error.message ?? error}` };
  }
}
