// Loads a model folder in headless Chromium through the package, as a page would, and reports what it takes.
import { readFileSync, readdirSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { start } from "../tests/browser/chromium.mjs";

const folder = process.argv[2];
const GB = (bytes) => `${(bytes / 1e9).toFixed(2)} GB`;
const MB = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;
const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;

/** Resident bytes of this process' Chromium, by the kind of process: a model's buffers lie in the GPU's. */
function resident() {
  const parents = new Map();
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      parents.set(pid, stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
    } catch {} // it has ended meanwhile
  }
  const ours = (pid) => pid !== undefined && (pid === String(process.pid) || ours(parents.get(pid)));
  const sums = {};
  for (const pid of parents.keys()) {
    if (pid === String(process.pid) || !ours(pid)) continue;
    try {
      const kind = /--type=([\w-]+)/.exec(readFileSync(`/proc/${pid}/cmdline`, "utf8"))?.[1] ?? "browser";
      const kilobytes = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0;
      sums[kind] = (sums[kind] ?? 0) + 1024 * Number(kilobytes);
    } catch {}
  }
  return sums;
}

const ASK = { id: 1, method: "Runtime.getHeapUsage" };

/** Returns what gives the size of a page's and its workers' JavaScript heaps, and of their array buffers, which lie outside. */
async function heaps(page) {
  const session = await page.context().newCDPSession(page);
  /** What each worker said last: a busy one answers later. */
  const workers = new Map();
  session.on("Target.attachedToTarget", ({ sessionId }) => workers.set(sessionId, { usedSize: 0, backingStorageSize: 0 }));
  session.on("Target.receivedMessageFromTarget", ({ sessionId, message }) => {
    const { id, result } = JSON.parse(message);
    if (id === ASK.id && result) workers.set(sessionId, result);
  });
  await session.send("Target.setAutoAttach", { autoAttach: true, waitForDebuggerOnStart: false, flatten: false });
  return async () => {
    for (const sessionId of workers.keys()) await session.send("Target.sendMessageToTarget", { sessionId, message: JSON.stringify(ASK) });
    const all = [await session.send(ASK.method), ...workers.values()];
    const sum = (key) => all.reduce((total, heap) => total + heap[key], 0);
    return { heap: sum("usedSize"), buffers: sum("backingStorageSize") };
  };
}

const peaks = {};
/** Looks at sizes again and again, and keeps the largest of each; what it returns ends that. */
function watch(look, pause) {
  let watching = true;
  const ended = (async () => {
    while (watching) {
      for (const [name, bytes] of Object.entries(await look())) peaks[name] = Math.max(peaks[name] ?? 0, bytes);
      await setTimeout(pause);
    }
  })();
  return () => {
    watching = false;
    return ended;
  };
}

const files = readdirSync(folder).filter((file) => file.endsWith(".safetensors"));
const weights = files.reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);
console.log(`${basename(folder)}: ${GB(weights)} of weights in ${files.length} shards`);

const browser = await start({ "/model/": folder });
try {
  const page = await browser.newPage();
  page.setDefaultTimeout(0);
  await page.goto(`${browser.url}/samples/samples.json`);
  await page.exposeFunction("report", (line) => console.log(line));
  const watches = [watch(resident, 500), watch(await heaps(page), 100)];
  const found = await page.evaluate(async () => {
    const { Pali3 } = await import("/pkg/index.js");
    let last = 0;
    const onProgress = ({ phase, loaded, total }) => {
      if (phase === "upload" && loaded - last > total / 10) {
        last = loaded;
        void report(`  ${Math.round((100 * loaded) / total)} % on the device`);
      }
    };
    const times = {};
    const timed = async (name, work) => {
      const begin = performance.now();
      const result = await work();
      times[name] = performance.now() - begin;
      return result;
    };
    const model = await timed("load", () => Pali3.load("/model/", { device: "webgpu", cache: false, onProgress }));
    const loaded = await model.memory();
    await report(`  ${(model.info.parameters / 1e9).toFixed(2)} billion parameters, on ${model.device}`);
    const image = await timed("picture", () => model.encodeImage("/samples/scene-1.png"));
    const answer = await timed("answer", () => model.generate({ image, prompt: "how many shapes are there?", maxNewTokens: 4, minNewTokens: 4 }));
    return { loaded, memory: await model.memory(), times, tokenIds: answer.tokenIds, visualTokens: image.visualTokens };
  });
  for (const end of watches) await end();
  const { heap, buffers, ...processes } = peaks;
  console.log(`
| | |
|---|---|
| load | ${seconds(found.times.load)} |
| encode a picture (${found.visualTokens} visual tokens) | ${seconds(found.times.picture)} |
| answer of ${found.tokenIds.length} tokens (${found.tokenIds.join(", ")}) | ${seconds(found.times.answer)} |
| WebAssembly memory, peak while loading | ${MB(found.loaded.wasm)} |
| WebAssembly memory, peak | ${MB(found.memory.wasm)} |
| JavaScript heaps of page and worker, peak | ${MB(heap)} |
| their array buffers, peak | ${MB(buffers)} |
| GPU memory in use after loading | ${GB(found.loaded.device)} |
| GPU memory taken at the end | ${GB(found.memory.deviceReserved)} |
${Object.entries(processes)
  .map(([kind, bytes]) => `| resident, peak: ${kind} | ${GB(bytes)} |`)
  .join("\n")}`);
} finally {
  await browser.stop();
}
