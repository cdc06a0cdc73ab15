// Fresh projects that have installed the package as it is published, and what the tests ask of their builds.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { extname, join, resolve } from "node:path";
import { promisify } from "node:util";

export const ROOT = resolve(import.meta.dirname, "../..");
/** Where the bundlers and compilers are. */
export const TOOLS = join(import.meta.dirname, "node_modules");
/** The model and pictures that every page here asks about. */
export const SHIPPED = { "/models/": join(ROOT, "www/models"), "/samples/": join(ROOT, "www/samples") };

const [{ questions: QUESTIONS }] = JSON.parse(await readFile(join(ROOT, "www/samples/samples.json"), "utf8"));
/** About scene-1.png, with an answer that is hard to come by otherwise. */
export const { question: QUESTION, answer: ANSWER } = QUESTIONS.find(({ answer }) => answer === "orange");

const execute = promisify(execFile);

/**
 * Runs a program to its end; what it wrote, if it succeeded.
 * @param {string} cwd @param {string} program @param {string[]} args
 */
export async function run(cwd, program, ...args) {
  try {
    const { stdout, stderr } = await execute(program, args, { cwd, timeout: 120_000, maxBuffer: 1e8 });
    return stdout + stderr;
  } catch (error) {
    throw new Error(`${[program, ...args].join(" ")}: ${error.message}\n${error.stdout}${error.stderr}`);
  }
}

/** Runs a script of Node's. @param {string} cwd @param {string[]} args */
export const node = (cwd, ...args) => run(cwd, process.execPath, ...args);

/**
 * Packs the package, has npm install it into a project, and gives fresh copies of that.
 * @param {string} [app] folder whose files each project starts with
 */
export async function projects(app) {
  const folder = await mkdtemp(join(tmpdir(), "pali3-projects-"));
  await run(join(ROOT, "pkg"), "npm", "pack", "--silent", "--pack-destination", folder);
  const [name] = (await readdir(folder)).filter((file) => file.endsWith(".tgz"));
  const tarball = join(folder, name);
  const first = join(folder, "project");
  if (app !== undefined) await cp(app, first, { recursive: true });
  await write(first, { "package.json": JSON.stringify({ name: "consumer", private: true, type: "module" }) });
  await run(first, "npm", "install", "--offline", "--no-fund", "--no-audit", "--loglevel=error", tarball);
  let count = 0;
  return {
    tarball,
    async fresh() {
      const project = `${first}-${++count}`;
      await cp(first, project, { recursive: true });
      return project;
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** @param {string} folder made if it is not there @param {Record<string, string>} files */
export async function write(folder, files) {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, name), text);
  }
}

/** Sizes of all files in a folder, by their path in it. @param {string} folder @returns {Promise<Record<string, number>>} */
export async function sizes(folder) {
  const names = await readdir(folder, { recursive: true });
  const found = await Promise.all(names.map(async (name) => [name, await stat(join(folder, name))]));
  return Object.fromEntries(found.filter(([, entry]) => entry.isFile()).map(([name, { size }]) => [name, size]));
}

/**
 * What every build has to be: each module once and as it was, the bindings in scripts of their own, no script of the
 * package copied as it is.
 * @param {string} project @param {string} folder of the build in it
 */
export async function assertWholeBuild(project, folder = "dist") {
  const files = await sizes(join(project, folder));
  const large = (/** @type {Record<string, number>} */ all) => Object.entries(all).filter(([, bytes]) => bytes > 1e6);
  const modules = large(await sizes(join(project, "node_modules/pali3")));
  assert.equal(modules.length, 2);
  const kinds = (/** @type {[string, number][]} */ all) => all.map(([name, bytes]) => `${extname(name)} of ${bytes} bytes`).sort();
  assert.deepEqual(kinds(large(files)), kinds(modules));
  const scripts = Object.keys(files).filter((name) => extname(name) === ".js");
  for (const name of scripts) {
    const text = await readFile(join(project, folder, name), "utf8");
    assert.doesNotMatch(text, /lib\/engine\/serve\.js/, `${name} looks for the package's own files`);
  }
  return scripts.map((name) => `${name} ${(files[name] / 1e3).toFixed(1)} kB`).sort();
}
