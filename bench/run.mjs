// Measures pali3 beside transformers.js in headless Chromium and prints a table. `scripts/bench.sh` calls it.
//
//   node bench/run.mjs [--library pali3,transformers.js] [--device cpu,webgpu] [--dtype f32,q8,q4] [--model small,base]
//                      [--runs 5] [--budget 5] [--gpu] [--add]
//
// A figure is the median of --runs runs. Where an answer takes longer than --budget seconds, there is one, and a token's figure
// is the median of its tokens; the table says so.
// --gpu: WebGPU on the machine's GPU instead of SwiftShader. --add: keep the figures of the last call that this one does
// not measure. Only a table with every row goes to docs/benchmarks.md.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { serve } from "../scripts/serve.mjs";
import { launch } from "./browser.mjs";
import { downloads } from "./downloads.mjs";
import { report } from "./table.mjs";

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const RESULTS = join(ROOT, "target/bench/results.json");
const MODELS = join(ROOT, "target/bench/models");
/** A copy of pkg/, so that building it anew meanwhile does not change what is measured. */
const PACKAGE = join(ROOT, "target/bench/pkg");
const PICTURE = "www/samples/scene-1.png";
/** What the native build makes of the picture, as the pages fetch it. */
const REFERENCE = "/models/reference.safetensors";
const MOUNTS = {
  "/": join(ROOT, "www"),
  "/bench/": join(ROOT, "bench"),
  "/models/": MODELS,
  "/peer/": join(ROOT, "bench/node_modules"),
  "/pkg/": PACKAGE,
};
const ALL = { library: ["pali3", "transformers.js"], device: ["cpu", "webgpu"], dtype: ["f32", "q8", "q4"], model: ["small", "base"] };
/** A timed run repeats its call for at least this long: processor time comes in ticks of 10 ms. */
const LEAST_MS = 300;
/** Calls before the first timed one go on for this long: the browser compiles WebAssembly a second time, better. */
const WARM_UP_MS = 2000;
const NEW_TOKENS = 32;

/** Every word is one token of the folders' tokenizer, and `</s>` is the last. */
const WORDS = "how many shapes are there what colour is the object which thing do you see here".split(" ");
const prompt = (tokens) => Array.from({ length: tokens - 1 }, (_, i) => WORDS[(i * 7) % WORDS.length]).join(" ");

const list = (name) => ({ type: "string", default: ALL[name].join(",") });
const { values: given } = parseArgs({
  options: {
    library: list("library"),
    device: list("device"),
    dtype: list("dtype"),
    model: list("model"),
    runs: { type: "string", default: "5" },
    budget: { type: "string", default: "5" },
    gpu: { type: "boolean", default: false },
    add: { type: "boolean", default: false },
  },
});
const settings = {
  runs: Number(given.runs),
  budget: Number(given.budget),
  date: new Date().toISOString().slice(0, 10),
  command: process.argv.length > 2 ? `make bench ARGS="${process.argv.slice(2).join(" ")}"` : "make bench",
};
const chosen = Object.fromEntries(Object.keys(ALL).map((name) => [name, given[name].split(",")]));
for (const [name, values] of Object.entries(chosen)) {
  const unknown = values.find((value) => !ALL[name].includes(value));
  if (unknown !== undefined) throw new Error(`--${name} ${unknown}: expected some of ${ALL[name].join(",")}`);
}

/** Tells builds apart whose figures --add brings together. */
const build = () => {
  const hash = createHash("sha256");
  for (const device of ["cpu", "webgpu"]) hash.update(readFileSync(join(PACKAGE, `wasm/pali3_${device}_bg.wasm`)));
  return hash.digest("hex").slice(0, 8);
};

/** As many runs as a figure is the median of. */
async function repeated(once) {
  const runs = [];
  while (runs.length < settings.runs) runs.push(await once());
  return runs;
}

/** One browser, one page, one library. */
async function open(url, config) {
  const chromium = await launch({ gpu: given.gpu });
  const page = await chromium.browser.newPage();
  const files = new Set();
  page.on("request", (request) => files.add(new URL(request.url()).pathname));
  const errors = [];
  page.on("pageerror", (error) => errors.push(error.message));
  /** When each token of an answer was there. */
  const marks = [];
  await page.exposeFunction("mark", () => marks.push({ wall: performance.now(), cpu: chromium.cpu() }));
  await page.goto(`${url}/bench/page.html?library=${config.library}`);
  await page.waitForFunction(() => window.bench && window.timed);

  /** Wall and processor milliseconds of one call, of `times` in a row. */
  async function call(name, argument, times = 1) {
    const before = chromium.cpu();
    const { ms, result } = await page.evaluate(([n, a, t]) => window.timed(n, a, t), [name, argument, times]);
    if (errors.length > 0) throw new Error(errors.join("; "));
    return { wall: ms, cpu: (chromium.cpu() - before) / times, result };
  }
  return { chromium, files, marks, call };
}

/** All figures of one library on one device with one form of weights. */
async function measure(url, config) {
  let opened;
  const reopen = async () => {
    await opened?.chromium.close();
    opened = await open(url, config);
  };
  try {
    // Each in a browser of its own, as a visitor comes; the last one stays.
    const colds = await repeated(async () => {
      await reopen();
      return cold(opened, config);
    });
    const figures = { load: colds.map(({ load }) => load), "first token, cold": colds.map(({ firstToken }) => firstToken) };
    const { ids, single } = await warm(opened, config, figures);
    const compared = config.dtype === "f32" ? await comparison(opened, config) : {};
    const { chromium, files } = opened;
    return { ...config, ...settings, figures: bare(figures), single, ids, compared, memory: chromium.peakMemory(), files: [...files] };
  } finally {
    await opened?.chromium.close();
  }
}

/** What comes first in a browser. */
async function cold({ chromium, call }, config) {
  chromium.watchMemory();
  const load = await call("load", config);
  const firstToken = await call("generate", { prompt: prompt(64), tokens: 1 });
  chromium.stopWatching();
  return { load, firstToken };
}

/** Adds what comes later to `figures`; gives the ids of an answer, and whether it was the only one: then each of its tokens is a run. */
async function warm({ chromium, call, marks }, config, figures) {
  /** Runs of a call that took `first` milliseconds when it was made before. */
  async function runs(name, argument, first) {
    chromium.watchMemory();
    let last = { wall: first };
    // One that takes longer than that has nothing to gain from another.
    for (let spent = 0; spent < WARM_UP_MS && first < 10 * WARM_UP_MS; spent += last.wall) last = await call(name, argument);
    chromium.stopWatching();
    const times = Math.ceil(LEAST_MS / last.wall);
    return repeated(() => call(name, argument, times));
  }

  if (hasPicture(config)) {
    await call("prepare", { picture: PICTURE.replace("www", ""), tensors: REFERENCE });
    const firstCall = await call("encodeImage");
    figures.picture = await runs("encodeImage", undefined, firstCall.wall);
  }

  const short = (tokens) => ({ prompt: prompt(64), tokens });
  const firstCall = figures["first token, cold"].at(-1).wall;
  figures["first token"] = await runs("generate", short(1), firstCall);
  const first = median(figures["first token"]);

  const answer = await call("generate", { ...short(1 + NEW_TOKENS), marked: true });
  const single = answer.wall > 1000 * settings.budget;
  if (single) {
    const shown = marks.slice(-NEW_TOKENS - 1);
    figures.token = shown.slice(1).map((mark, i) => less(mark, shown[i]));
  } else {
    const answers = await runs("generate", short(1 + NEW_TOKENS), answer.wall);
    figures.token = answers.map((run) => less(run, first)).map(({ wall, cpu }) => ({ wall: wall / NEW_TOKENS, cpu: cpu / NEW_TOKENS }));
  }
  const token = median(figures.token);

  const encoding = (firsts) => firsts.map((run) => less(run, token));
  figures["encode 64"] = encoding(figures["first token"]);
  figures["encode 256"] = encoding(await runs("generate", { prompt: prompt(256), tokens: 1 }, 4 * firstCall));
  return { ids: answer.result, single };
}

/** The tower is the same in every folder. */
const hasPicture = ({ model }) => model === "small";

/** What the library gives for the picture, as far as it can be seen, beside what the command line gave. */
async function comparison({ call }, { library, model }) {
  if (!hasPicture({ model })) return {};
  if (library === "pali3") return { answer: (await call("answer", { prompt: prompt(64), tokens: reference.length })).result };
  return (await call("compare", { prompt: prompt(64), tensors: REFERENCE })).result;
}

const bare = (figures) => Object.fromEntries(Object.entries(figures).map(([name, runs]) => [name, runs.map(({ wall, cpu }) => ({ wall, cpu }))]));

const less = (a, b) => ({ wall: a.wall - b.wall, cpu: a.cpu - b.cpu });

function median(runs) {
  const middle = (key) => runs.map((run) => run[key]).sort((a, b) => a - b)[Math.floor(runs.length / 2)];
  return { wall: middle("wall"), cpu: middle("cpu") };
}

/** Answers of the native build on the processor: what both libraries are held against. Returns the ids. */
function native() {
  const program = (...more) => execFileSync(join(ROOT, "target/release/pali3"), more, { cwd: ROOT, encoding: "utf8" });
  const common = ["--json", "--device", "cpu", "--model", join(MODELS, "small-f32"), "--image", PICTURE, "--prompt", prompt(64)];
  program("encode", ...common, "--out", join(MODELS, "reference.safetensors"));
  return JSON.parse(program("run", ...common, "--max-new-tokens", "8", "--min-new-tokens", "8")).token_ids;
}

/** The machine, and what was run on it. */
async function surroundings(url) {
  const { browser, close, stopWatching, peakMemory } = await launch({ gpu: given.gpu });
  const page = await browser.newPage();
  await page.goto(`${url}/bench/page.html?library=pali3`);
  const adapter = await page.evaluate(async () => {
    const { vendor, architecture, description } = (await navigator.gpu?.requestAdapter())?.info ?? {};
    return { vendor, architecture, description };
  });
  const chromium = browser.version();
  stopWatching();
  await close();
  const version = (file) => JSON.parse(readFileSync(join(ROOT, file), "utf8")).version;
  return {
    processor: cpus()[0].model.trim(),
    cores: cpus().length,
    memory: totalmem(),
    chromium,
    emptyPage: peakMemory(),
    adapter,
    versions: {
      pali3: version("pkg/package.json"),
      "transformers.js": version("bench/node_modules/@huggingface/transformers/package.json"),
      "onnxruntime-web": version("bench/node_modules/onnxruntime-web/package.json"),
    },
  };
}

const say = (text) => console.log(`==> ${text}`);
rmSync(PACKAGE, { recursive: true, force: true });
cpSync(join(ROOT, "pkg"), PACKAGE, { recursive: true });
settings.build = build();
const { server, url } = await serve({ mounts: MOUNTS });
const reference = native();
const results = { ...(await surroundings(url)), reference, rows: given.add ? JSON.parse(readFileSync(RESULTS, "utf8")).rows : [] };
const save = () => {
  mkdirSync(dirname(RESULTS), { recursive: true });
  writeFileSync(RESULTS, JSON.stringify(results, null, 1));
};
const same = (a, b) => Object.keys(ALL).every((name) => a[name] === b[name]);

for (const model of chosen.model)
  for (const device of chosen.device)
    for (const dtype of chosen.dtype)
      for (const library of chosen.library) {
        const config = { library, device, dtype, model };
        say(`${library}, ${device}, ${dtype}, T5 1.1 ${model} (minute ${Math.floor(performance.now() / 60_000)})`);
        const row = await measure(url, config).catch((error) => ({ ...config, ...settings, error: error.message.split("\n")[0] }));
        if (row.error) say(`failed: ${row.error}`);
        results.rows = [...results.rows.filter((old) => !same(old, config)), row];
        // After each, as a run takes long and may be stopped.
        save();
      }
server.closeAllConnections();
server.close();
say("compressing what was downloaded, to say its size");
results.downloads = await downloads(results.rows, MOUNTS, join(ROOT, "target/bench/brotli.json"));
save();
const complete = results.rows.length === Object.values(ALL).reduce((product, values) => product * values.length, 1);
report(results, complete ? join(ROOT, "docs/benchmarks.md") : null);
