// The package as web developers install it: packed, installed into a fresh project, built with nobody's configuration
// but the bundler's own, and opened under a strict content security policy, without cross-origin isolation.
import assert from "node:assert/strict";
import { cp, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import webpack from "webpack";
import { assertWholeBuild, node, projects, run, SHIPPED, TOOLS, write } from "./project.mjs";
import { assertAnswers, EVERY_WAY, failure, HEADERS, site, stop } from "./site.mjs";

/** The WebAssembly modules, without their extension. */
const MODULES = ["pali3_cpu_bg", "pali3_webgpu_bg"];
const APP = join(import.meta.dirname, "app");

const versionOf = async (/** @type {string} */ tool) => JSON.parse(await readFile(join(TOOLS, tool, "package.json"), "utf8")).version;
/** The versions of Vite that are installed here, by the name of their folder. */
const VITES = { vite: await versionOf("vite"), "vite-5": await versionOf("vite-5") };

let consumers;

before(async () => void (consumers = await projects(APP)));
after(async () => {
  await stop();
  await consumers?.remove();
});

/** Changes a file of the app. @param {string} name @param {string} from @param {string} to */
async function changed(name, from, to) {
  const text = await readFile(join(APP, name), "utf8");
  assert.ok(text.includes(from));
  return { [name]: text.replace(from, to) };
}

// Two at a time: most of them wait for a build or for a page.
describe("bundlers", { concurrency: 2 }, () => {
  for (const [vite, version] of Object.entries(VITES)) {
    test(`Vite ${version} builds`, async (t) => {
      const project = await consumers.fresh();
      await node(project, join(TOOLS, vite, "bin/vite.js"), "build");
      t.diagnostic((await assertWholeBuild(project)).join(", "));
      await assertAnswers(await site(t, { "/": join(project, "dist") }));
    });

    test(`Vite ${version} serves while developing`, async (t) => {
      const project = await consumers.fresh();
      const { createServer } = await import(join(TOOLS, vite, "dist/node/index.js"));
      const shipped = await site(t, {});
      const proxy = Object.fromEntries(Object.keys(SHIPPED).map((path) => [path, shipped]));
      const server = await createServer({ root: project, logLevel: "error", server: { port: 0, proxy, headers: HEADERS } });
      t.after(() => server.close());
      await server.listen();
      await assertAnswers(server.resolvedUrls.local[0]);
    });
  }

  /** What webpack's command line does without a configuration file, but for the name of the entry. @param {string} project */
  function webpacked(project) {
    const options = { context: project, mode: "production", entry: "./main.js", output: { path: join(project, "dist") } };
    return new Promise((done, failed) => {
      webpack(options, (error, stats) => (error ? failed(error) : done(stats.toJson())));
    });
  }

  test(`webpack ${webpack.version} builds`, async (t) => {
    const project = await consumers.fresh();
    const { errors } = await webpacked(project);
    assert.deepEqual(errors, []);
    t.diagnostic((await assertWholeBuild(project)).join(", "));
    await write(join(project, "dist"), await changed("index.html", 'type="module"', "defer"));
    await assertAnswers(await site(t, { "/": join(project, "dist") }));
  });

  /** esbuild as its users call it. @param {string} project @param {string[]} args */
  const esbuild = (project, ...args) => run(project, join(TOOLS, ".bin/esbuild"), "main.js", "--bundle", "--minify", ...args);

  test("esbuild builds modules, with the worker and the WebAssembly modules as entry points", async (t) => {
    const project = await consumers.fresh();
    const entries = ["worker=pali3/worker.js", ...MODULES.map((name) => `${name}=pali3/wasm/${name}.wasm`)];
    await esbuild(project, ...entries, "--loader:.wasm=copy", "--format=esm", "--splitting", "--outdir=dist/assets");
    t.diagnostic((await assertWholeBuild(project)).join(", "));
    await write(join(project, "dist"), await changed("index.html", "/main.js", "/assets/main.js"));
    const url = await site(t, { "/": join(project, "dist") });
    const workerUrl = "/assets/worker.js";
    await assertAnswers(url, EVERY_WAY.map((options) => (options.worker === false ? options : { ...options, workerUrl })));

    const { message, ...error } = await failure(url, { device: "cpu" });
    assert.deepEqual(error, { name: "NetworkError", code: "Network" });
    assert.match(message, /^the package's worker\.js could not be started: .*pass workerUrl/);
  });

  test("esbuild builds plain scripts, with both addresses as options", async (t) => {
    const project = await consumers.fresh();
    // A worker of the project's own, that does nothing but import the package's.
    await write(project, { "my-worker.js": 'import "pali3/worker.js";\n' });
    await esbuild(project, "my-worker.js", "--outdir=dist");
    for (const name of MODULES) await cp(join(project, `node_modules/pali3/wasm/${name}.wasm`), join(project, `dist/wasm/${name}.wasm`));
    await write(join(project, "dist"), await changed("index.html", 'type="module"', "defer"));
    const url = await site(t, { "/": join(project, "dist") });
    const [workerUrl, wasmUrl] = ["/my-worker.js", "/wasm/"];
    const ways = EVERY_WAY.map((options) => (options.worker === false ? { ...options, wasmUrl } : { ...options, wasmUrl, workerUrl }));
    // One file holds all: the bindings come with the page.
    await assertAnswers(url, ways, { apart: false });
    // There are no addresses in such scripts, so that none can be found.
    assert.equal((await failure(url, { device: "cpu" })).code, "Network");
    assert.equal((await failure(url, { device: "cpu", worker: false })).code, "Network");
  });

  test("a page without a bundler takes the package as it is", async (t) => {
    const project = await consumers.fresh();
    await write(project, await changed("main.js", '"pali3"', '"/pali3/index.js"'));
    const url = await site(t, { "/": project, "/pali3/": join(project, "node_modules/pali3") });
    await assertAnswers(url);

    // As after a new version of a site: the page is there still, and what it fetches later is not.
    await rm(join(project, "node_modules/pali3/lib/engine/serve.js"));
    for (const worker of [true, false]) {
      const { name, code } = await failure(url, { device: "cpu", worker });
      assert.deepEqual([name, code], ["NetworkError", "Network"]);
    }
  });

  test("a page takes the package from another site", async (t) => {
    const project = await consumers.fresh();
    const there = await site(t, { "/pali3/": join(project, "node_modules/pali3") }, { "Access-Control-Allow-Origin": "*" });
    const address = `${there.replace("localhost", "127.0.0.1")}pali3/index.js`;
    await write(project, await changed("main.js", '"pali3"', JSON.stringify(address)));
    await assertAnswers(await site(t, { "/": project }, {}));
  });

  test("a page takes Vite's build from another site, with the worker's address as an option", async (t) => {
    const project = await consumers.fresh();
    const load = 'Pali3.load("/models/pali3-tiny-q4/", ';
    const main = await changed("main.js", `${load}options)`, `${load}{ workerUrl, ...options })`);
    await write(project, { "main.js": `import workerUrl from "pali3/worker.js?worker&url";\n${main["main.js"]}` });
    const there = await site(t, { "/": join(project, "dist") }, { "Access-Control-Allow-Origin": "*" });
    await node(project, join(TOOLS, "vite/bin/vite.js"), "build", "--base", there.replace("localhost", "127.0.0.1"));
    await assertWholeBuild(project);
    await assertAnswers(await site(t, { "/": join(project, "dist") }, {}), [{ device: "cpu" }]);
  });
});
