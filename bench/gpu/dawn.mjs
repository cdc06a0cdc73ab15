// The npm package on Dawn, Chromium's own WebGPU, in Node: what a page gets from a graphics card, where there is no browser
// that reaches it. `node bench/gpu/dawn.mjs FOLDER...` prints milliseconds, wall time / processor time, medians of five.
import { basename } from "node:path";
import { pathToFileURL } from "node:url";
import { create, globals } from "webgpu";
import { Pali3 } from "../../pkg/index.js";

const RUNS = 5;
const TOKENS = 32;
const PROMPT = "how many shapes are there?";

// The package asks what a window would be asked.
Object.assign(globalThis, globals);
Object.defineProperty(globalThis, "navigator", { value: { gpu: create([]) }, configurable: true });
globalThis.Window = class {
  static [Symbol.hasInstance](value) {
    return value === globalThis;
  }
};

const adapter = await navigator.gpu.requestAdapter();
if (adapter === null) {
  console.error("bench: Dawn finds no adapter here (on Linux it needs Vulkan)");
  process.exit(1);
}
const { vendor, architecture, description } = adapter.info;
console.log(`Dawn in Node ${process.version} on ${[vendor, architecture, description].filter(Boolean).join(" ")}`);

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

/** Wall and processor milliseconds of one call. */
async function timed(work) {
  const [begin, before] = [performance.now(), process.cpuUsage()];
  await work();
  const { user, system } = process.cpuUsage(before);
  return { wall: performance.now() - begin, processor: (user + system) / 1000 };
}

async function measure(work) {
  const runs = [];
  for (let run = 0; run < RUNS + 1; run++) runs.push(await timed(work));
  const warm = runs.slice(1);
  return { wall: median(warm.map((run) => run.wall)), processor: median(warm.map((run) => run.processor)) };
}

const print = (what, { wall, processor }) => console.log(`  ${what.padEnd(24)} ${wall.toFixed(1).padStart(9)} / ${processor.toFixed(1)}`);

for (const folder of process.argv.slice(2)) {
  console.log(basename(folder));
  let model;
  const load = async () => (model = await Pali3.load(pathToFileURL(folder), { device: "webgpu", cache: false }));
  print("load", await timed(load));
  const { imageSize } = model.info;
  let image;
  if (imageSize) {
    // Noise: what is in the picture does not matter for the time.
    const [width, height] = imageSize;
    const data = new Uint8ClampedArray(width * height * 4).map((_, i) => Math.imul(i, 2654435761) >>> 24);
    const encode = () => model.encodeImage({ data, width, height });
    print("encode a picture", await measure(async () => (await encode()).dispose()));
    image = await encode();
  }
  const answer = (tokens, more) => model.generate({ ...(image && { image }), prompt: PROMPT, minNewTokens: tokens, maxNewTokens: tokens, ...more });
  const of = async (tokens, more) => measure(() => answer(tokens, more));
  const [one, many] = [await of(1), await of(1 + TOKENS)];
  print("first token", one);
  print("a token", { wall: (many.wall - one.wall) / TOKENS, processor: (many.processor - one.processor) / TOKENS });
  const [oneOfBeams, manyOfBeams] = [await of(1, { numBeams: 4 }), await of(1 + TOKENS, { numBeams: 4 })];
  print("a token of 4 beams", {
    wall: (manyOfBeams.wall - oneOfBeams.wall) / TOKENS,
    processor: (manyOfBeams.processor - oneOfBeams.processor) / TOKENS,
  });
  await model.dispose();
}
process.exit(0);
