// The package without a browser: what is in it, what its types are for other projects, what it does in Node.
import assert from "node:assert/strict";
import { mkdir, readFile, stat, symlink } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { ANSWER, node, projects, QUESTION, ROOT, sizes, TOOLS, write } from "./project.mjs";

let consumers;

before(async () => void (consumers = await projects()));
after(() => consumers.remove());

// Two at a time: most of them wait for a build or for a page.
describe("the package", { concurrency: 2 }, () => {
  test("it holds what it has to, and what it declares is there", async (t) => {
    const installed = join(await consumers.fresh(), "node_modules/pali3");
    const files = await sizes(installed);
    const known = [/^lib\/.+\.js$/, /^[A-Z-]+(\.md)?$/, /^wasm\/pali3_(cpu|webgpu)(_bg\.wasm)?\.d\.ts$/];
    const modules = ["cpu", "webgpu"].flatMap((device) => [`wasm/pali3_${device}.js`, `wasm/pali3_${device}_bg.wasm`]);
    const needed = ["index.d.ts", "index.js", "package.json", "worker.js", ...modules];
    const others = Object.keys(files).filter((name) => !known.some((pattern) => pattern.test(name)));
    assert.deepEqual(others.sort(), needed.sort());
    for (const name of ["README.md", "LICENSE-MIT", "LICENSE-APACHE"]) assert.ok(files[name] > 0, name);
    const { messages, pkg } = await publint({ pkgDir: installed, pack: false, strict: true });
    assert.deepEqual(messages.map((message) => formatMessage(message, pkg)), []);
    assert.equal(pkg.dependencies, undefined);

    const unpacked = Object.values(files).reduce((sum, size) => sum + size, 0);
    const packed = (await stat(consumers.tarball)).size;
    t.diagnostic(`${(packed / 1e6).toFixed(2)} MB packed, ${(unpacked / 1e6).toFixed(2)} MB unpacked, ${Object.keys(files).length} files`);
  });

  const SOURCE = `
import { EncodedImage, type GenerateOptions, Pali3, Pali3Error, type Pali3ErrorCode } from "pali3";

export async function answer(picture: Blob, options: GenerateOptions): Promise<string> {
  const model: Pali3 = await Pali3.load("/models/", { device: "auto", workerUrl: "/worker.js", onProgress: ({ phase }) => console.log(phase) });
  try {
    const image: EncodedImage = await model.encodeImage(picture);
    for await (const { text } of model.stream({ ...options, image: [image, picture] })) console.log(text);
    return (await model.generate({ image, prompt: "which colour?" })).text;
  } catch (error) {
    const code: Pali3ErrorCode | null = error instanceof Pali3Error ? error.code : null;
    return String(code);
  } finally {
    await model.dispose();
  }
}
// @ts-expect-error: there is no such device
export const wrong = Pali3.load("/models/", { device: "npu" });
`;

  for (const [compiler, major] of [[join(ROOT, "node_modules/typescript"), 5], [join(TOOLS, "typescript-7"), 7]]) {
    for (const [moduleResolution, module] of [["bundler", "esnext"], ["nodenext", "nodenext"]]) {
      test(`TypeScript ${major} finds its types with moduleResolution ${moduleResolution}`, async () => {
        const project = await consumers.fresh();
        const { version } = JSON.parse(await readFile(join(compiler, "package.json"), "utf8"));
        assert.equal(Number(version.split(".")[0]), major);
        // Strict in what it checks, and no newer than a project of 2022: the declarations are checked, too.
        const compilerOptions = { module, moduleResolution, target: "es2022", strict: true, skipLibCheck: false, noEmit: true, types: [] };
        await write(project, { "tsconfig.json": JSON.stringify({ compilerOptions, files: ["app.ts"] }), "app.ts": SOURCE });
        await node(project, join(compiler, "bin/tsc"));
        await write(project, { "app.ts": SOURCE.replace("type Pali3ErrorCode", "type Pali3ErrorKode") });
        await assert.rejects(node(project, join(compiler, "bin/tsc")), /has no exported member.* 'Pali3ErrorKode'/);
      });
    }
  }

  test("Node imports it without doing anything, and ends", async () => {
    const project = await consumers.fresh();
    assert.equal(await node(project, "-e", 'import("pali3")'), "");
    const asked = 'import("pali3").then(async ({ Pali3 }) => console.log((await Pali3.isSupported()).supported))';
    assert.equal(await node(project, "-e", asked), "true\n");
  });

  test("Node answers on the CPU, and ends", async () => {
    const project = await consumers.fresh();
    await symlink(join(TOOLS, "pngjs"), join(project, "node_modules/pngjs"));
    await mkdir(join(project, "src"));
    const folder = pathToFileURL(join(ROOT, "www/models/pali3-tiny-q4")).href;
    const picture = join(ROOT, "www/samples/scene-1.png");
    await write(join(project, "src"), {
      "answer.js": `
      import { readFile } from "node:fs/promises";
      import { Pali3 } from "pali3";
      import { PNG } from "pngjs";

      const { data, width, height } = PNG.sync.read(await readFile(${JSON.stringify(picture)}));
      const model = await Pali3.load(new URL(${JSON.stringify(folder)}));
      const image = await model.encodeImage({ data: new Uint8ClampedArray(data), width, height });
      const { text } = await model.generate({ image, prompt: ${JSON.stringify(QUESTION)} });
      console.log(model.device, text);
    `,
    });
    assert.equal(await node(project, "src/answer.js"), `cpu ${ANSWER}\n`);
  });
});
