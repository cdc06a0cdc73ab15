// A Chromium of its own for each measurement, and what all its processes together have cost.
import { readdirSync, readFileSync } from "node:fs";
import { execFileSync } from "node:child_process";
import { chromium } from "playwright-core";

const FLAGS = ["--no-sandbox", "--enable-unsafe-webgpu", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"];
// WebGPU on the processor: the same adapter on every machine.
const SOFTWARE = ["--use-webgpu-adapter=swiftshader"];
const GPU = ["--use-angle=vulkan", "--enable-features=Vulkan", "--ignore-gpu-blocklist"];

const TICK_MS = 1000 / Number(execFileSync("getconf", ["CLK_TCK"]));
const MEMORY_EVERY_MS = 100;
/** Summing up a large process' pages takes milliseconds: no more than this part of the time goes into it. */
const MEMORY_SHARE = 0.05;

/** @param {{gpu: boolean}} options whether WebGPU is to run on the machine's own GPU */
export async function launch({ gpu }) {
  const server = await chromium.launchServer({
    executablePath: process.env.PALI3_CHROMIUM ?? "/usr/bin/chromium",
    args: [...FLAGS, ...(gpu ? GPU : SOFTWARE)],
  });
  const browser = await chromium.connect(server.wsEndpoint());
  const root = server.process().pid;
  let peak = 0;
  let timer;
  const look = () => (peak = Math.max(peak, memory(root)));
  function watch() {
    const start = performance.now();
    look();
    timer = setTimeout(watch, Math.max(MEMORY_EVERY_MS, (performance.now() - start) / MEMORY_SHARE));
  }
  return {
    browser,
    /** Milliseconds of processor time that the browser has used so far, user and system. */
    cpu: () => sum(processes(root), ({ ticks }) => ticks) * TICK_MS,
    /** From here to `stopWatching`; not while something short is timed. */
    watchMemory() {
      if (timer === undefined) watch();
    },
    stopWatching() {
      clearTimeout(timer);
      timer = undefined;
      look();
    },
    /** Most bytes seen at once. */
    peakMemory: () => peak,
    async close() {
      clearTimeout(timer);
      await browser.close();
      await server.close();
    },
  };
}

/** The process `root` and all below it. */
function processes(root) {
  const all = readdirSync("/proc").filter((name) => /^\d+$/.test(name)).flatMap(read);
  const tree = new Set([root]);
  // A child may come before its parent: as many rounds as the tree is deep.
  for (let before = 0; before !== tree.size; ) {
    before = tree.size;
    for (const { pid, parent } of all) if (tree.has(parent)) tree.add(pid);
  }
  return all.filter(({ pid }) => tree.has(pid));
}

function read(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name, in brackets, may hold spaces.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return [{ pid: Number(pid), parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) }];
  } catch {
    return []; // it has ended meanwhile
  }
}

/** Proportional set size: pages that several processes share count once. */
function memory(root) {
  return sum(processes(root), ({ pid }) => {
    try {
      return 1024 * Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1] ?? 0);
    } catch {
      return 0;
    }
  });
}

const sum = (list, of) => list.reduce((total, item) => total + of(item), 0);
