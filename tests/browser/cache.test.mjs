// What a load leaves in the browser, and what the next one makes of it: nothing is fetched twice, an interrupted download
// goes on where it stopped, and what is damaged, removed or replaced is noticed.
import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, afterEach, describe, test } from "node:test";
import { ROOT, start } from "./chromium.mjs";

const SHARD = "model-00001-of-00001.safetensors";

let browser, page, folder, requests, sample;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "pali3-cache-"));
  browser = await start({ "/made/": folder });
  [sample] = JSON.parse(await readFile(join(ROOT, "www/samples/samples.json"), "utf8"));
});
after(async () => {
  await browser.stop();
  await rm(folder, { recursive: true });
});

// In a worker everything goes to the private file system; on the page's thread, to the Cache API.
for (const worker of [true, false]) {
  describe(worker ? "in the private file system" : "in the Cache API", () => {
    beforeEach(async () => {
      await rm(join(folder, "model"), { recursive: true, force: true });
      await cp(join(ROOT, "www/models/pali3-tiny-q4"), join(folder, "model"), { recursive: true });
      page = await browser.newPage();
      requests = [];
      page.on("request", (request) => {
        const file = /\/made\/model\/(.*)$/.exec(request.url())?.[1];
        if (file) requests.push({ method: request.method(), file, range: request.headers().range });
      });
      await page.goto(`${browser.url}/pkg/package.json`);
      await page.evaluate(
        async ([worker, { file, questions }]) => {
          const { Pali3 } = await import("/pkg/index.js");
          globalThis.Pali3 = Pali3;
          /** Loads and answers; tells everything that there is to know of the load. */
          globalThis.ask = async (options) => {
            const phases = {};
            const onProgress = ({ phase, file }) => file && ((phases[phase] ??= {})[file] = true);
            try {
              const model = await Pali3.load("/made/model/", { device: "cpu", worker, onProgress, ...options });
              const image = await model.encodeImage(`/samples/${file}`);
              const { text } = await model.generate({ image, prompt: questions[0].question });
              await model.dispose();
              return { right: text === questions[0].answer, cached: model.cached, downloaded: Object.keys(phases.download ?? {}), stored: Object.keys(phases.cache ?? {}) };
            } catch ({ code, message }) {
              return { code, message };
            }
          };
        },
        [worker, sample],
      );
    });
    afterEach(() => page.close());

    const ask = (options) => page.evaluate((options) => ask(options), options);
    const fetched = () => requests.splice(0).filter(({ method }) => method === "GET");
    const files = ["config.json", "generation_config.json", SHARD, "model.safetensors.index.json", "preprocessor_config.json", "tokenizer.json"];

    test("the second load fetches nothing", async () => {
      const first = await ask();
      assert.deepEqual([first.right, first.cached, first.stored], [true, true, []]);
      assert.deepEqual(first.downloaded.sort(), files);
      assert.ok(fetched().length >= files.length);
      const second = await ask();
      assert.deepEqual([second.right, second.cached, second.downloaded], [true, true, []]);
      assert.deepEqual(second.stored.sort(), files);
      assert.deepEqual(fetched(), []);
    });

    test("without the server, what is stored is enough", async () => {
      assert.equal((await ask()).right, true);
      for (const answer of ["abort", "error"]) {
        await page.route("**/made/**", (route) => (answer === "abort" ? route.abort("internetdisconnected") : route.fulfill({ status: 502 })));
        const { right, cached } = await ask();
        assert.deepEqual([right, cached], [true, true], answer);
        await page.unroute("**/made/**");
      }
    });

    test("nothing is stored where nothing is to be", async () => {
      const { right, cached } = await ask({ cache: false });
      assert.deepEqual([right, cached], [true, false]);
      assert.deepEqual(await page.evaluate(() => Pali3.cache.list()), []);
    });

    test("an interrupted download goes on where it stopped", async () => {
      const { size } = await stat(join(folder, "model", SHARD));
      // The connection breaks off in the middle of the shard, for good.
      await page.route(`**/${SHARD}`, async (route) => {
        const { start, end } = /^bytes=(?<start>\d+)-(?<end>\d+)$/.exec(route.request().headers().range ?? "")?.groups ?? {};
        const to = Math.min(Number(end) + 1, 300_000);
        if (route.request().method() === "HEAD") return route.continue();
        if (Number(start) >= to) return route.abort();
        const body = (await readFile(join(folder, "model", SHARD))).subarray(Number(start), to);
        return route.fulfill({ status: 206, body, headers: { "Content-Range": `bytes ${start}-${to - 1}/${size}`, "Content-Type": "application/octet-stream" } });
      });
      const { code } = await ask();
      assert.equal(code, "Network");
      await page.unroute(`**/${SHARD}`);
      fetched();
      const { right, cached } = await ask();
      assert.deepEqual([right, cached], [true, true]);
      const ranges = fetched().filter(({ file }) => file === SHARD);
      const first = Number(/^bytes=(\d+)-/.exec(ranges[0].range)?.[1]);
      // A chunk of the private file system; a piece in the Cache API, which only keeps whole ones.
      if (worker) assert.equal(first, 300_000);
      else assert.ok(first > 0);
      assert.ok(ranges.every(({ range }) => Number(/^bytes=(\d+)-/.exec(range)[1]) >= first), JSON.stringify(ranges));
    });

    test("a file that is replaced on the server is fetched anew", async () => {
      assert.equal((await ask()).right, true);
      const file = join(folder, "model/generation_config.json");
      const config = JSON.parse(await readFile(file, "utf8"));
      await writeFile(file, JSON.stringify({ ...config, max_new_tokens: 3 }));
      await utimes(file, new Date(), new Date(Date.now() + 60_000));
      fetched();
      const { right, downloaded } = await ask();
      assert.equal(right, true);
      assert.deepEqual(downloaded, ["generation_config.json"]);
    });

    test("what was damaged on the disk is noticed, and mended", async () => {
      assert.equal((await ask()).right, true);
      await page.evaluate(
        async ([worker, shard]) => {
          if (!worker) {
            const [name] = await caches.keys();
            const cache = await caches.open(name);
            const piece = (await cache.keys()).filter(({ url }) => url.includes(shard)).at(-1);
            const bytes = new Uint8Array(await (await cache.match(piece)).arrayBuffer());
            bytes[bytes.length - 9] ^= 4;
            return cache.put(piece, new Response(bytes));
          }
          const root = await navigator.storage.getDirectory();
          for await (const folder of (await root.getDirectoryHandle("pali3")).values()) {
            const file = await folder.getFileHandle(shard);
            const writing = await file.createWritable({ keepExistingData: true });
            await writing.write({ type: "write", position: 400_000, data: new Uint8Array(64) });
            await writing.close();
          }
        },
        [worker, SHARD],
      );
      fetched();
      const { right, cached } = await ask();
      assert.deepEqual([right, cached], [true, true]);
      assert.ok(fetched().some(({ file }) => file === SHARD));
      assert.deepEqual([(await ask()).right, fetched()], [true, []]);
    });

    test("what the browser has removed is fetched again", async () => {
      assert.equal((await ask()).right, true);
      await page.evaluate(async (worker) => {
        if (!worker) for (const name of await caches.keys()) await caches.delete(name);
        else await (await navigator.storage.getDirectory()).removeEntry("pali3", { recursive: true });
      }, worker);
      const { right, cached, stored } = await ask();
      assert.deepEqual([right, cached, stored], [true, true, []]);
    });

    test("two loads at once do not get into each other's way", async () => {
      const both = await page.evaluate(() => Promise.all([ask(), ask()]));
      assert.deepEqual(both.map(({ right }) => right), [true, true]);
      // One of them wrote; the next load needs no more.
      fetched();
      assert.deepEqual([(await ask()).right, fetched()], [true, []]);
      await page.route("**/made/**", (route) => route.abort("internetdisconnected"));
      assert.equal((await ask()).right, true);
    });

    test("where there is no room, the model runs from memory", async () => {
      const session = await page.context().newCDPSession(page);
      await session.send("Storage.overrideQuotaForOrigin", { origin: browser.url, quotaSize: 200_000 });
      const { right, cached } = await ask();
      assert.deepEqual([right, cached], [true, false]);
      assert.ok((await page.evaluate(() => Pali3.cache.size())) < 200_000);
    });

    test("what the model does not read is neither waited for nor missed", async () => {
      const file = join(folder, "model/generation_config.json");
      await rm(join(folder, "model"), { recursive: true });
      await cp(join(ROOT, "tests/fixtures/siglip-two-towers"), join(folder, "model"), { recursive: true });
      await writeFile(file, "{}");
      // It is there, as its head says, but it does not come.
      await page.route("**/generation_config.json", (route) => (route.request().method() === "HEAD" ? route.continue() : route.abort()));
      const load = () =>
        page.evaluate(async (worker) => {
          const model = await Pali3.load("/made/model/", { device: "cpu", worker });
          const [text] = await model.embed(["a cat"]);
          await model.dispose();
          return [model.cached, text.length > 0];
        }, worker);
      assert.deepEqual(await load(), [true, true]);
      await page.route("**/made/**", (route) => route.abort("internetdisconnected"));
      assert.deepEqual(await load(), [true, true]);
    });

    test("a shard may have the name of the note about what is stored", async () => {
      const index = join(folder, "model/model.safetensors.index.json");
      const text = await readFile(index, "utf8");
      for (const name of ["about.json", "@about.json"]) {
        await cp(join(folder, "model", SHARD), join(folder, "model", name));
        await writeFile(index, text.replaceAll(SHARD, name));
        await page.evaluate(() => Pali3.cache.clear());
        for (const stored of [false, true]) {
          const found = await ask();
          assert.deepEqual([found.right, found.cached, found.downloaded.includes(name)], [true, true, !stored], name);
        }
        await rm(join(folder, "model", name));
      }
    });

    test("what is stored can be listed and removed", async () => {
      await ask();
      const [{ source, bytes, total, complete, used }] = await page.evaluate(() => Pali3.cache.list());
      assert.deepEqual([source, complete], [`${browser.url}/made/model/`, true]);
      assert.equal(total, bytes);
      assert.ok(bytes > 600_000 && bytes === (await page.evaluate(() => Pali3.cache.size())));
      assert.ok(Date.now() - new Date(used) < 60_000);
      assert.deepEqual(await page.evaluate(async () => [await Pali3.cache.delete("/nowhere/"), await Pali3.cache.delete("/made/model")]), [false, true]);
      assert.deepEqual(await page.evaluate(() => Pali3.cache.list()), []);
      await ask();
      await page.evaluate(() => Pali3.cache.clear());
      assert.equal(await page.evaluate(() => Pali3.cache.size()), 0);
      assert.equal(typeof (await page.evaluate(() => Pali3.cache.persist())), "boolean");
    });
  });
}
