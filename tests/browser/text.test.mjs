// A language model alone, through the package, against what HF gave for the same prompts.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { ROOT } from "./chromium.mjs";
import { close, fails, MODEL, open, openPage, page, value } from "./library.mjs";

const TEXT = "/fixtures/mt5-prompts/";

let reference;
before(async () => {
  await open();
  reference = JSON.parse(await readFile(join(ROOT, "tests/fixtures/mt5-prompts/reference.json"), "utf8"));
});
after(close);

/** HF's options under the names of the package. */
const camel = (options) => Object.fromEntries(Object.entries(options).map(([name, of]) => [name.replaceAll(/_(.)/g, (_, letter) => letter.toUpperCase()), of]));

for (const device of ["cpu", "webgpu"]) {
  describe(`a T5 folder on ${device}`, () => {
    before(async () => {
      await openPage(device);
      await page.evaluate(async ([folder, device]) => (globalThis.model = await Pali3.load(folder, { device })), [TEXT, device]);
    });
    after(() => page.close());

    test("says what it is, and nothing of pictures", async () => {
      const info = await value(() => model.info);
      assert.deepEqual([info.kind, info.vocabularySize, info.embeddings, info.dtypes], ["t5", 96, false, { language_model: "f32" }]);
      for (const name of ["imageSize", "patchGrid", "visualTokens"]) assert.ok(!(name in info), name);
    });

    test("generates HF's ids and texts", async () => {
      assert.ok(reference.generation.length >= 8);
      for (const { name, variant, options, sequences, texts } of reference.generation) {
        const [prompt] = reference.variants.find((v) => v.name === variant).prompts;
        const found = await value((call) => model.generate(call), { prompt, ...camel(options) });
        assert.deepEqual(found.sequences.map(({ tokenIds }) => tokenIds), sequences, `${variant} ${name}`);
        assert.deepEqual(found.sequences.map(({ text }) => text), texts, `${variant} ${name}`);
      }
    });

    test("scores candidates, and tells that it looked at the prompt alone", async () => {
      const [prompt] = reference.variants[0].prompts;
      const [scores, gaze] = await value(
        async (prompt) => [
          await model.score({ prompt, targets: ["red", "two circles"] }),
          await model.attention({ prompt, tokenIds: (await model.generate({ prompt, maxNewTokens: 5 })).tokenIds }),
        ],
        prompt,
      );
      assert.deepEqual(scores.map(({ text }) => text), ["red", "two circles"]);
      for (const { logprobs, score } of scores) assert.ok(score < 0 && Math.abs(score - logprobs.reduce((a, b) => a + b)) < 1e-4);
      assert.deepEqual(gaze.grids, []);
      for (const { images, prompt } of [gaze.mean, ...gaze.tokens]) {
        assert.deepEqual(images, []);
        assert.ok(Math.abs(prompt - 1) < 1e-4, `${prompt}`);
      }
    });

    test("refuses pictures and embeddings by type, and goes on answering", async () => {
      const picture = /model_type is mt5.*takes no pictures/;
      await fails("UnsupportedModel", picture, () => model.encodeImage("/fixtures/pali3-prepend/image.png"));
      await fails("UnsupportedModel", /model_type is mt5.*"siglip"/, () => model.embed("a circle"));
      await fails("UnsupportedModel", /no text tower/, () => model.similarity(new Float32Array(1), new Float32Array(1)));
      await fails("UnsupportedModel", picture, async (folder) => {
        const other = await Pali3.load(folder, { device: "cpu" });
        const bytes = await (await other.encodeImage("/fixtures/pali3-prepend/image.png")).toBytes();
        await other.dispose();
        await model.generate({ image: Pali3.imageFromBytes(bytes), prompt: "red" });
      }, MODEL);
      const { options, sequences } = reference.generation[0];
      const call = { prompt: reference.variants[0].prompts[0], ...camel(options) };
      assert.deepEqual((await value((call) => model.generate(call), call)).tokenIds, sequences[0]);
    });

    test("loads in blocks, and has no tower to be in another form", async () => {
      const load = ([folder, device, dtype, prompt]) =>
        Pali3.load(folder, { device, dtype }).then(async (model) => [model.info.dtypes, (await model.generate({ prompt })).score]);
      const [prompt] = reference.variants[0].prompts;
      const forms = [];
      for (const dtype of ["q8", { text: "q8" }, "f32"]) forms.push(await value(load, [TEXT, device, dtype, prompt]));
      assert.deepEqual(forms.map(([dtypes]) => dtypes.language_model), ["q8", "q8", "f32"]);
      assert.equal(forms[0][1], forms[1][1]);
      assert.notEqual(forms[0][1], forms[2][1]);
      await fails("InvalidOption", /dtype.*no vision tower/, load, [TEXT, device, { vision: "q8" }, prompt]);
    });

    test("warms up", async () => {
      await value(() => model.warmup());
    });
  });
}
