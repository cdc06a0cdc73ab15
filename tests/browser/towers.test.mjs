// Embeddings of a checkpoint with SigLIP's two towers, through the package, against HF's.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { ROOT } from "./chromium.mjs";
import { close, open, openPage, page, value } from "./library.mjs";

before(open);
after(close);

describe("a checkpoint of SigLIP's two towers", () => {
  const TOWERS = "/fixtures/siglip-two-towers/";
  let expected, prompts;

  before(async () => {
    await openPage("cpu");
    const folder = join(ROOT, "tests/fixtures/siglip-two-towers");
    prompts = JSON.parse(await readFile(join(folder, "reference.json"), "utf8")).variants[0].prompts;
    const file = await readFile(join(folder, "reference.safetensors"));
    const header = JSON.parse(file.subarray(8, 8 + Number(file.readBigUInt64LE(0))));
    /** A tensor of HF's run. */
    expected = (name) => {
      const at = 8 + Number(file.readBigUInt64LE(0));
      const [start, end] = header[name].data_offsets;
      return new Float32Array(file.buffer.slice(file.byteOffset + at + start, file.byteOffset + at + end));
    };
  });
  after(() => page.close());

  for (const device of ["cpu", "webgpu"]) {
    test(`embeds pictures and texts on ${device} as HF does`, async () => {
      const found = await value(
        async ([towers, device, texts]) => {
          const model = await Pali3.load(towers, { device });
          const picture = await model.embed(new URL(`${towers}image.png`, location.href));
          const embedded = await model.embed(texts);
          const [matrix, one] = [model.similarity([picture], embedded), model.similarity(picture, embedded[0])];
          const { kind, embeddings } = model.info;
          const told = (error) => `${error.code}: ${error.message}`;
          const refused = await model.generate({ prompt: "red" }).catch(told);
          const mixed = await model.embed(["red", new Blob()]).catch(told);
          await model.dispose();
          return { kind, embeddings, picture: Array.from(picture), texts: embedded.map((text) => Array.from(text)), matrix, one, refused, mixed };
        },
        [TOWERS, device, prompts],
      );
      assert.deepEqual([found.kind, found.embeddings], ["siglip", true]);
      const near = (values, name) => {
        // The reference has a second picture behind the first.
        const reference = expected(name).subarray(0, values.length);
        assert.equal(values.length, reference.length);
        values.forEach((value, i) => assert.ok(Math.abs(value - reference[i]) < 2e-3, `${name}[${i}]: ${value}, not ${reference[i]}`));
      };
      near(found.picture, "image_embeds");
      near(found.texts.flat(), "text_embeds");
      const logits = expected("logits_per_image");
      found.matrix[0].forEach((p, i) => assert.ok(Math.abs(p - 1 / (1 + Math.exp(-logits[i]))) < 2e-3, `${p}, logit ${logits[i]}`));
      assert.equal(found.one, found.matrix[0][0]);
      assert.match(found.refused, /^UnsupportedModel: /);
      assert.match(found.mixed, /^InvalidInput: embed: expected texts or pictures, found both/);
    });
  }
});
