// The package as a page uses it, on both devices, in a worker and without: right results on real input, typed errors on bad
// input, and a model that works on after each of them.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { close, fails, open, openPage, page, prompt, recorded, reference, value } from "./library.mjs";

before(open);
after(close);

for (const [device, worker] of [
  ["cpu", true],
  ["webgpu", true],
  ["cpu", false],
  ["webgpu", false],
]) {
  describe(`results on ${device}, ${worker ? "in a worker" : "on the page's thread"}`, () => {
    before(async () => {
      await openPage(device, worker);
      await value(async () => void (globalThis.model = await load()));
      await value(async () => void (globalThis.image = await model.encodeImage(`${folder}image.png`)));
    });
    after(() => page.close());

    test("the model says where it runs and what it is", async () => {
      const { device: on, worker: there, info, tokens } = await value(() => ({ device: model.device, worker: model.worker, info: model.info, tokens: image.visualTokens }));
      assert.equal(on, device);
      assert.equal(there, worker);
      assert.equal(tokens, reference.variants[0].visual_tokens);
      assert.deepEqual([info.imageSize, info.visualTokens, info.vocabularySize], [[56, 56], 16, 96]);
      assert.ok(info.parameters > 10_000);
    });

    test("greedy tokens and score equal HF's, streamed and awaited", async () => {
      const expected = recorded("", "greedy");
      const { pieces, whole, alone } = await value(async (prompt) => {
        const answer = model.stream({ image, prompt, maxNewTokens: 16 });
        const pieces = [];
        for await (const piece of answer) pieces.push(piece);
        return { pieces, whole: await answer.result, alone: await model.generate({ image, prompt, maxNewTokens: 16 }) };
      }, prompt());
      assert.deepEqual({ ...alone, timings: 0 }, { ...whole, timings: 0 });
      assert.deepEqual(whole.tokenIds, expected.sequences[0]);
      assert.equal(whole.text, expected.texts[0]);
      assert.ok(Math.abs(whole.score - expected.scores_sum[0]) < 5e-3, `${whole.score} is not ${expected.scores_sum[0]}`);
      assert.equal(whole.sequences[0].finishReason, "eos");
      assert.equal(pieces.map(({ text }) => text).join(""), whole.text);
      assert.deepEqual(pieces.map(({ tokenId }) => tokenId), whole.tokenIds);
      assert.ok(pieces.every(({ logprob }) => logprob <= 0));
      assert.ok(whole.timings.total >= whole.timings.firstToken && whole.timings.firstToken > 0);
    });

    test("beam search equals HF's", async () => {
      const expected = recorded("", "beam4-lp2-never");
      const { sequences } = await value(
        (prompt) => model.generate({ image, prompt, maxNewTokens: 9, numBeams: 4, lengthPenalty: 2, earlyStopping: "never", numReturnSequences: 4 }).then((r) => r),
        prompt(),
      );
      assert.deepEqual(sequences.map(({ tokenIds }) => tokenIds), expected.sequences);
      sequences.forEach(({ score }, k) => assert.ok(Math.abs(score - expected.sequences_scores[k]) < 1e-3));
    });

    test("prompts without a picture, and pictures without a prompt", async () => {
      const ids = await value(async (prompt) => {
        const text = await model.generate({ prompt, maxNewTokens: 16 });
        const picture = await model.generate({ image, maxNewTokens: 16 });
        return [text.tokenIds, picture.tokenIds];
      }, prompt());
      assert.deepEqual(ids, [recorded("text-only", "greedy").sequences[0], recorded("image-only", "greedy").sequences[0]]);
    });

    test("a stop text ends the answer, and is not part of it", async () => {
      const whole = recorded("", "greedy").texts[0];
      const stop = " blue";
      const { text, sequences } = await value(([prompt, stop]) => model.generate({ image, prompt, maxNewTokens: 16, stop }).then((r) => r), [prompt(), stop]);
      assert.equal(text, whole.slice(0, whole.indexOf(stop)));
      assert.equal(sequences[0].finishReason, "stop");
    });

    test("the same seed draws the same tokens", async () => {
      const [a, b, c] = await value(async (prompt) => {
        const draw = async (seed) => (await model.generate({ image, prompt, maxNewTokens: 12, temperature: 1.5, topK: 0, seed })).tokenIds;
        return [await draw(7), await draw(7), await draw(8)];
      }, prompt());
      assert.deepEqual(a, b);
      assert.notDeepEqual(a, c);
    });

    test("break ends a generation, and the model goes on", async () => {
      const [first, partial, again] = await value(async (prompt) => {
        const answer = model.stream({ image, prompt, maxNewTokens: 16 });
        const seen = [];
        for await (const { tokenId } of answer) {
          seen.push(tokenId);
          if (seen.length === 2) break;
        }
        const partial = await answer.result;
        return [seen, partial, (await model.generate({ image, prompt, maxNewTokens: 16 })).tokenIds];
      }, prompt());
      const expected = recorded("", "greedy").sequences[0];
      assert.deepEqual(first, expected.slice(0, 2));
      assert.deepEqual(partial.tokenIds, expected.slice(0, partial.tokenIds.length));
      assert.deepEqual(again, expected);
    });

    test("a signal aborts a generation, and the model goes on", async () => {
      await fails("Aborted", /aborted/, async (prompt) => {
        const abort = new AbortController();
        for await (const piece of model.stream({ image, prompt, maxNewTokens: 16, signal: abort.signal })) if (piece) abort.abort();
      }, prompt());
      await fails("Aborted", /aborted/, (prompt) => model.generate({ image, prompt, signal: AbortSignal.abort() }), prompt());
      await fails("Aborted", /aborted/, () => model.encodeImage(`${folder}image.png`, { signal: AbortSignal.abort() }));
      const ids = await value((prompt) => model.generate({ image, prompt, maxNewTokens: 16 }).then((r) => r.tokenIds), prompt());
      assert.deepEqual(ids, recorded("", "greedy").sequences[0]);
    });

    test("calls inside the loop wait for it, and run in order", async () => {
      const order = await value(async (prompt) => {
        const order = [];
        let other;
        for await (const piece of model.stream({ image, prompt, maxNewTokens: 4 })) {
          other ??= model.encodeImage(`${folder}image.png`).then(() => order.push("second"));
          if (piece) order.push("first");
        }
        await other;
        return order;
      }, prompt());
      assert.deepEqual(order, ["first", "first", "first", "first", "second"]);
    });

    test("every kind of picture input gives the same answer", async () => {
      const answers = await value(async (prompt) => {
        const blob = await (await fetch(`${folder}image.png`)).blob();
        const element = new Image();
        element.src = `${folder}image.png`;
        await element.decode();
        const bitmap = await createImageBitmap(blob);
        const canvas = Object.assign(document.createElement("canvas"), { width: bitmap.width, height: bitmap.height });
        canvas.getContext("2d").drawImage(bitmap, 0, 0);
        const offscreen = new OffscreenCanvas(bitmap.width, bitmap.height);
        offscreen.getContext("2d").drawImage(bitmap, 0, 0);
        const data = canvas.getContext("2d").getImageData(0, 0, bitmap.width, bitmap.height);
        const answers = [];
        const frame = new VideoFrame(canvas, { timestamp: 0 });
        const pixels = { data: new Uint8Array(data.data), width: data.width, height: data.height };
        const inputs = [blob, new File([blob], "a.png"), element, bitmap, canvas, offscreen, data, pixels, frame, new URL(`${folder}image.png`, location.href)];
        for (const input of inputs) {
          const encoded = await model.encodeImage(input);
          answers.push((await model.generate({ image: encoded, prompt, maxNewTokens: 16 })).tokenIds);
          encoded.dispose();
        }
        // As they are, encoded for the call alone.
        const asked = [...inputs, `${folder}image.png`].map((image) => model.generate({ image, prompt, maxNewTokens: 16 }));
        for (const answer of asked) answers.push((await answer).tokenIds);
        return answers;
      }, prompt());
      assert.equal(answers.length, 21);
      for (const ids of answers) assert.deepEqual(ids, recorded("", "greedy").sequences[0]);
    });

    test("a video's frame, once it shows one", async () => {
      const tokens = await value(async () => {
        const canvas = Object.assign(document.createElement("canvas"), { width: 64, height: 48 });
        const context = canvas.getContext("2d");
        const video = Object.assign(document.createElement("video"), { muted: true, srcObject: canvas.captureStream(30) });
        const painting = setInterval(() => context.fillRect(0, 0, 64, 48), 30);
        const early = await model.encodeImage(video).catch((error) => error.message);
        await video.play();
        const encoded = await model.encodeImage(video);
        clearInterval(painting);
        return [early, encoded.visualTokens];
      });
      assert.match(tokens[0], /shows no frame yet/);
      assert.equal(tokens[1], 16);
    });

    test("candidates are scored, each for itself", async () => {
      const { scores, alone } = await value(async (prompt) => {
        const scores = await model.score({ image, prompt, targets: ["red", "blue red", "red"] });
        return { scores, alone: await model.score({ image, prompt, targets: ["blue red"] }) };
      }, prompt());
      assert.deepEqual(scores.map(({ text }) => text), ["red", "blue red", "red"]);
      for (const { tokenIds, logprobs, score } of scores) {
        assert.equal(tokenIds.length, logprobs.length);
        assert.ok(logprobs.every((logprob) => logprob < 0) && Math.abs(score - logprobs.reduce((a, b) => a + b)) < 1e-3);
      }
      assert.deepEqual(scores[2], scores[0]);
      assert.ok(Math.abs(alone[0].score - scores[1].score) < 1e-4);
    });

    test("scores and attention of a picture as it is are those of the encoded one", async () => {
      const [encoded, plain] = await value(async (prompt) => {
        const { tokenIds } = await model.generate({ image, prompt, maxNewTokens: 4 });
        const blob = await (await fetch(`${folder}image.png`)).blob();
        const told = [];
        for (const picture of [image, blob]) {
          const [{ score }] = await model.score({ image: picture, prompt, targets: ["red"] });
          const { grids, mean } = await model.attention({ image: picture, prompt, tokenIds });
          told.push([score, grids, Array.from(mean.images[0])]);
        }
        return told;
      }, prompt());
      assert.deepEqual(plain, encoded);
    });

    test("attention: where each token looked, shares that add up to 1", async () => {
      const { attention, whole } = await value(async (prompt) => {
        const whole = await model.generate({ image, prompt, maxNewTokens: 16 });
        const { grids, tokens, mean } = await model.attention({ image, prompt, tokenIds: whole.tokenIds });
        const plain = ({ images, prompt, ...rest }) => ({ images: images.map((one) => Array.from(one)), prompt, ...rest });
        return { whole, attention: { grids, tokens: tokens.map(plain), mean: plain(mean) } };
      }, prompt());
      assert.deepEqual(attention.grids, [{ rows: 4, columns: 4 }]);
      assert.deepEqual(attention.tokens.map(({ tokenId }) => tokenId), whole.tokenIds);
      assert.equal(attention.tokens.map(({ text }) => text).join(""), whole.text);
      for (const { images, prompt } of [...attention.tokens, attention.mean]) {
        assert.equal(images[0].length, 16);
        assert.ok(Math.abs(images[0].reduce((a, b) => a + b) + prompt - 1) < 1e-3);
      }
      assert.notDeepEqual(attention.tokens[0].images, attention.tokens[1].images);
    });

    test("several pictures in one question", async () => {
      const { one, two, three, plain } = await value(async (prompt) => {
        const white = new ImageData(new Uint8ClampedArray(56 * 56 * 4).fill(255), 56, 56);
        const other = await model.encodeImage(white);
        const ask = async (image) => (await model.generate({ image, prompt, maxNewTokens: 16 })).score;
        const plain = (await model.generate({ images: [image, white], prompt, maxNewTokens: 16 })).score;
        return { one: await ask([image]), two: await ask([image, other]), three: await ask([other, image]), plain };
      }, prompt());
      assert.equal(plain, two);
      assert.ok(Math.abs(one - recorded("", "greedy").scores_sum[0]) < 5e-3);
      assert.ok(one !== two && two !== three && one !== three, `${one} ${two} ${three}`);
    });

    test("a picture can be kept as bytes, and asked about later, also in another model", async () => {
      const ids = await value(async (prompt) => {
        const bytes = await image.toBytes();
        const again = Pali3.imageFromBytes(bytes);
        const other = await load();
        const answers = [];
        for (const one of [model, other]) answers.push((await one.generate({ image: again, prompt, maxNewTokens: 16 })).tokenIds);
        await other.dispose();
        again.dispose();
        return [...answers, [again.rows, again.columns, again.visualTokens]];
      }, prompt());
      assert.deepEqual(ids, [recorded("", "greedy").sequences[0], recorded("", "greedy").sequences[0], [4, 4, 16]]);
      await fails("InvalidInput", /expected what image.toBytes\(\) gave/, () => Pali3.imageFromBytes(new Uint8Array(40)));
      await fails("InvalidInput", /expected \d+ of them, found/, async () => Pali3.imageFromBytes((await image.toBytes()).subarray(0, 100)));
      await fails("InvalidInput", /vision tower/, async () => {
        const bytes = await image.toBytes();
        bytes[24] ^= 1;
        return model.generate({ image: Pali3.imageFromBytes(bytes), prompt: "red" });
      });
    });

    test("memory, warming up, and no embeddings without SigLIP's text tower", async () => {
      const memory = await value(async () => {
        await model.warmup();
        return model.memory();
      });
      assert.ok(memory.wasm > 1e6, JSON.stringify(memory));
      assert.equal(memory.device > 0, device === "webgpu");
      await fails("UnsupportedModel", /text tower/, () => model.similarity(new Float32Array(4), new Float32Array(4)));
    });

    test("what cannot be used is refused, and the model goes on", async () => {
      await fails("InvalidInput", /not a picture/, () => model.encodeImage(new Blob(["no picture"])));
      await fails("InvalidInput", /expected a Blob, File/, () => model.encodeImage(42));
      await fails("NotFound", /nothing\.png: not found/, () => model.encodeImage("/nothing.png"));
      await fails("InvalidInput", /expected what model\.encodeImage\(\) gives/, () => model.generate({ image: {} }));
      await fails("InvalidInput", /prompt: expected 1 to \d+ tokens, found \d{4,}/, () => model.generate({ prompt: "red ".repeat(9000) }));
      await fails("InvalidInput", /image\[1\]: expected what model\.encodeImage\(\) gives, or .*found number/, () => model.generate({ image: [image, 42] }));
      await fails("InvalidInput", /not a picture/, () => model.generate({ images: [image, new Blob(["no picture"])], prompt: "red" }));
      await fails("InvalidOption", /image and images/, () => model.generate({ image, images: [image], prompt: "red" }));
      await fails("InvalidOption", /option images: expected an array/, () => model.generate({ images: image, prompt: "red" }));
      await fails("InvalidInput", /data of 8-bit RGBA values .*found Float32Array/, () => model.encodeImage({ data: new Float32Array(4), width: 1, height: 1 }));
      await fails("InvalidOption", /option targets: expected an array of strings/, () => model.score({ targets: "red" }));
      await fails("InvalidInput", /targets/, () => model.score({ prompt: "red", targets: [] }));
      await fails("InvalidOption", /option tokenIds: expected an array of token ids/, () => model.attention({ tokenIds: [-1] }));
      await fails("InvalidInput", /token/, () => model.attention({ prompt: "red", tokenIds: [100000] }));
      await fails("InvalidOption", /num_beams.*numBeams/, () => model.generate({ num_beams: 4 }));
      await fails("InvalidOption", /maxNewTokens: expected a whole number, found 1\.5/, () => model.generate({ maxNewTokens: 1.5 }));
      await fails("InvalidOption", /maxNewTokens: expected 1 to \d+, found 0/, () => model.generate({ maxNewTokens: 0 }));
      await fails("InvalidOption", /temperature: expected a finite number, found NaN/, () => model.generate({ temperature: NaN }));
      await fails("InvalidOption", /temperature/, () => model.generate({ temperature: -1 }));
      const ids = await value((prompt) => model.generate({ image, prompt, maxNewTokens: 16 }).then((r) => r.tokenIds), prompt());
      assert.deepEqual(ids, recorded("", "greedy").sequences[0]);
    });

    test("after dispose, calls are refused, and another load works", async () => {
      const ids = await value(async (prompt) => {
        const second = await load();
        const image = await second.encodeImage(`${folder}image.png`);
        const { tokenIds } = await second.generate({ image, prompt, maxNewTokens: 16 });
        await second.dispose();
        globalThis.disposed = second;
        return tokenIds;
      }, prompt());
      assert.deepEqual(ids, recorded("", "greedy").sequences[0]);
      await fails("InvalidInput", /disposed/, () => disposed.generate({ prompt: "red" }));
      await fails("InvalidInput", /another model/, async () => {
        const other = await load();
        try {
          await other.generate({ image, prompt: "red" });
        } finally {
          await other.dispose();
        }
      });
    });
  });
}

test("several models at once, each in its worker, answer side by side", async () => {
  await openPage("cpu");
  const answers = await value(async (prompt) => {
    const models = await Promise.all([load(), load(), Pali3.load("/models/pali3-tiny-q4/", { device: "webgpu" })]);
    const ask = async (model) => {
      const image = await model.encodeImage(`${folder}image.png`);
      return (await model.generate({ image, prompt, maxNewTokens: 16 })).tokenIds;
    };
    const answers = await Promise.all([...models, ...models].map(ask));
    await Promise.all(models.map((model) => model.dispose()));
    return answers;
  }, prompt());
  const expected = recorded("", "greedy").sequences[0];
  assert.deepEqual([answers[0], answers[1], answers[3], answers[4]], [expected, expected, expected, expected]);
  assert.deepEqual(answers[2], answers[5]);
  await page.close();
});
