// The demo page, driven as a visitor does, with the committed weights and real PNG files.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { start } from "./chromium.mjs";
import { answered, ask, BUILT, choose, complaints, open, samples, SAMPLES, veil } from "./page.mjs";

let browser;
before(async () => (browser = await start(BUILT)));
after(() => browser.stop());

for (const device of ["cpu", "webgpu"]) {
  describe(`on ${device}`, () => {
    let page;
    before(async () => (page = await open(browser, `?device=${device}`)));
    after(() => page.close());

    test("the page says where the model runs", async () => {
      assert.equal(await page.locator("#status").getAttribute("data-device"), device);
      assert.match(await page.locator("#status").textContent(), device === "cpu" ? /on the CPU/ : /on WebGPU/);
    });

    test("a PNG from a file, three questions, three right answers", async () => {
      const [{ file, questions }] = samples;
      await choose(page, join(SAMPLES, file));
      // How many, which colour, which shape.
      for (const { question, answer } of questions.slice(0, 3)) assert.equal(await ask(page, question), answer, question);
      // The answer on show and those before it.
      assert.equal(await page.locator("#earlier-list li").count(), 2);
    });

    test("a sample picture and a suggested question", async () => {
      const { questions } = samples[1];
      await page.getByRole("button", { name: "Sample picture 2" }).click();
      await page.getByRole("button", { name: questions[0].question }).click();
      assert.equal(await answered(page), questions[0].answer);
      assert.match(await page.locator("#expected").textContent(), new RegExp(`Right.*${questions[0].answer}`));
      assert.match(await page.locator("#timings").textContent(), device === "cpu" ? /on the CPU/ : /on WebGPU/);
    });

    test("a file that is no picture is said so in plain words, and the page goes on", async () => {
      await page.locator("#file").setInputFiles({ name: "notes.png", mimeType: "image/png", buffer: Buffer.from("no picture") });
      const alert = page.getByRole("alert");
      await alert.waitFor();
      assert.match(await alert.textContent(), /That cannot be used.*notes\.png is not a picture/);
      const [{ file, questions }] = samples;
      await choose(page, join(SAMPLES, file));
      assert.ok(await alert.isHidden());
      assert.equal(await ask(page, questions[0].question), questions[0].answer);
    });

    test("the model looks at the shape that it is asked about", async () => {
      // One shape, a green triangle: it covers rows 4 and 5, columns 4 and 5 of the eight by eight patches.
      await page.getByRole("button", { name: "Sample picture 4" }).click();
      assert.equal(await ask(page, "what is the color of the triangle?"), "green");
      const whole = await veil(page);
      const clearest = whole.indexOf(Math.min(...whole));
      assert.ok([36, 37, 44, 45].includes(clearest), `patch ${clearest}`);
      assert.ok(Math.max(...whole) - Math.min(...whole) > 100, "the map has contrast");
      assert.match(await page.locator("#gaze-note").textContent(), /most at the .+ on the picture \d+\s%/);

      // Off by the button, on again for the word alone.
      await page.getByRole("button", { name: "Where it looked" }).click();
      assert.deepEqual(await veil(page), []);
      await page.getByRole("button", { name: "green", exact: true }).hover();
      assert.equal((await veil(page)).length, 64);
      assert.match(await page.locator("#gaze-note").textContent(), /“green”/);
      await page.mouse.move(0, 0);
      assert.deepEqual(await veil(page), []);
      await page.getByRole("button", { name: "Where it looked" }).click();
      assert.equal((await veil(page)).length, 64);
    });

    test("labels: the right one stands first, and all of them add up to 1", async () => {
      await page.getByRole("button", { name: "Sample picture 4" }).click();
      await page.getByLabel("Question about the picture").fill("what is the color of the triangle?");
      await page.getByLabel("Labels, one a line").fill("red\ngreen\n\n blue \ngreen");
      await page.getByRole("button", { name: "Compare" }).click();
      await page.locator("#bars").waitFor();
      assert.match(await page.locator("#labels-kind").textContent(), /answers to “what is the color of the triangle\?”.*add up to 100/);
      const bars = await page.locator("#bars progress").evaluateAll((all) => all.map((bar) => [bar.labels[0].firstChild.textContent, bar.value]));
      assert.equal(bars[0][0], "green");
      assert.deepEqual(bars.map(([label]) => label).sort(), ["blue", "green", "red"]);
      assert.ok(bars[0][1] > 0.9, `${bars[0]}`);
      assert.ok(Math.abs(bars.reduce((sum, [, share]) => sum + share, 0) - 1) < 1e-6);
      // What was compared is another question now.
      await page.getByLabel("Question about the picture").fill("what shape is it?");
      assert.ok(await page.locator("#bars").isHidden());
    });

    test("nothing went wrong unseen", () => assert.deepEqual(complaints(page), []));
  });
}

test("most sample questions are answered rightly", async () => {
  const page = await open(browser);
  let [right, asked] = [0, 0];
  for (const { file, questions } of samples) {
    await choose(page, join(SAMPLES, file));
    for (const { question, answer } of questions) {
      asked += 1;
      if ((await ask(page, question)) === answer) right += 1;
    }
  }
  assert.ok(asked >= 20 && right / asked >= 0.75, `${right} of ${asked}`);
  await page.close();
});

test("each word has a map of its own; Escape lets go of a chosen one", async () => {
  // The shipped model answers in single words. This one has random weights, and says more, if nothing of sense.
  const page = await open(browser, "?device=cpu&model=/fixtures/pali3-prepend/");
  await ask(page, "what is it?");
  const words = page.locator(".word");
  assert.ok((await words.count()) > 1);
  const maps = [await veil(page)];
  for (const word of (await words.all()).slice(0, 2)) {
    await word.click();
    assert.equal(await word.getAttribute("aria-pressed"), "true");
    maps.push(await veil(page));
  }
  assert.equal(new Set(maps.map(String)).size, 3, "the whole answer, its first word, its second word");
  await page.mouse.move(0, 0);
  await page.keyboard.press("Escape");
  assert.equal(await page.locator('.word[aria-pressed="true"]').count(), 0);
  await page.evaluate(() => document.activeElement.blur());
  assert.deepEqual(await veil(page), maps[0]);
  await page.close();
});

test("a model of two towers compares labels by their embeddings, and answers nothing", async () => {
  const page = await open(browser, "?device=cpu&model=/fixtures/siglip-two-towers/");
  assert.match(await page.locator("#labels-kind").textContent(), /by their embeddings.*need not add up/);
  await page.getByLabel("Labels, one a line").fill("a cat\na dog\na house");
  await page.getByRole("button", { name: "Compare" }).click();
  await page.locator("#bars").waitFor();
  const shown = await page.locator("#bars progress").evaluateAll((bars) => bars.map((bar) => [bar.labels[0].firstChild.textContent, bar.value]));
  // The same by the package, without the page.
  const expected = await page.evaluate(async (package_) => {
    const { Pali3 } = await import(package_);
    const model = await Pali3.load("/fixtures/siglip-two-towers/", { device: "cpu" });
    const image = await model.embed(await (await fetch("samples/scene-1.png")).blob());
    const texts = ["a cat", "a dog", "a house"];
    return (await model.embed(texts)).map((text, index) => [texts[index], model.similarity(image, text)]);
  }, "/pkg/index.js");
  assert.deepEqual(shown.map(([label]) => label).sort(), expected.map(([label]) => label).sort());
  for (const [label, probability] of expected) {
    const [, value] = shown.find(([other]) => other === label);
    assert.ok(Math.abs(value - probability) < 1e-6, `${label}: ${value}, expected ${probability}`);
  }
  await page.getByLabel("Question about the picture").fill("what is it?");
  await page.getByRole("button", { name: "Ask" }).click();
  await page.getByRole("alert").filter({ hasText: "answers no questions" }).waitFor();
  await page.close();
});

test("a language model alone answers the question, and the page says that it saw no picture", async () => {
  const page = await open(browser, "?device=cpu&model=/fixtures/mt5-prompts/");
  const { question } = samples[0].questions[0];
  await page.getByLabel("Question about the picture").fill(question);
  await page.getByRole("button", { name: "Ask" }).click();
  await page.locator("#timings").filter({ hasText: "probability" }).waitFor();
  const shown = await page.locator("#answer").textContent();
  const expected = await page.evaluate(
    async ([package_, prompt]) => {
      const { Pali3 } = await import(package_);
      return (await (await Pali3.load("/fixtures/mt5-prompts/", { device: "cpu" })).generate({ prompt })).text;
    },
    ["/pkg/index.js", question],
  );
  assert.ok(expected.length > 0);
  assert.equal(shown, expected);
  // Not whether that is what the drawing's record says.
  assert.match(await page.locator("#expected").textContent(), /takes no pictures/);
  assert.equal(await page.locator(".word").count(), 0);
  await page.getByRole("button", { name: "Compare" }).click();
  await page.locator("#bars").waitFor();
  assert.equal(await page.getByRole("alert").filter({ hasText: /./ }).count(), 0);
  await page.getByRole("button", { name: /mt5-prompts/ }).click();
  await page.locator("#facts").filter({ hasText: "no pictures" }).waitFor();
  assert.deepEqual(complaints(page), []);
  await page.close();
});

test("what is asked before the model is there is answered when it is", async () => {
  const page = await browser.newPage();
  await page.goto(`${browser.url}/?device=cpu`);
  await page.locator("#preview[src]").waitFor();
  const { question, answer } = samples[0].questions[1];
  await page.getByLabel("Question about the picture").fill(question);
  await page.getByRole("button", { name: "Compare" }).click();
  await page.getByRole("button", { name: "Ask" }).click();
  assert.equal(await answered(page), answer);
  await page.locator("#bars label").first().filter({ hasText: answer }).waitFor();
  await page.close();
});

test("pasting and dropping a picture", async () => {
  const page = await open(browser);
  const give = (how) =>
    page.evaluate(async (how) => {
      const blob = await (await fetch("samples/scene-4.png")).blob();
      const data = new DataTransfer();
      data.items.add(new File([blob], `${how}.png`, { type: "image/png" }));
      dispatchEvent(how === "paste" ? new ClipboardEvent("paste", { clipboardData: data }) : new DragEvent("drop", { dataTransfer: data }));
    }, how);
  for (const how of ["paste", "drop"]) {
    const before = await page.locator("#preview").getAttribute("src");
    await give(how);
    await page.waitForFunction((before) => document.querySelector("#preview").getAttribute("src") !== before, before);
    assert.equal(await ask(page, "what is the color of the triangle?"), "green", how);
  }
  await page.close();
});

test("an answer can be stopped", async () => {
  const page = await open(browser, "?device=webgpu");
  await page.getByRole("button", { name: "Sample picture 3" }).click();
  await page.getByLabel("Question about the picture").fill("which shape is green?");
  await page.getByLabel("Question about the picture").press("Enter");
  await page.getByRole("button", { name: "Stop" }).click();
  await page.locator("#timings").filter({ hasText: "Stopped" }).waitFor();
  assert.equal(await ask(page, "are there any crosses?"), "yes");
  await page.close();
});

test("nothing asked, no picture, no label: said in plain words", async () => {
  const page = await open(browser);
  const alert = page.getByRole("alert");
  await page.getByRole("button", { name: "Ask" }).click();
  assert.match(await alert.textContent(), /Type a question first/);
  await page.getByRole("button", { name: "Compare" }).click();
  await alert.filter({ hasText: "compared as answers" }).waitFor();
  await page.getByLabel("Labels, one a line").fill("\n \n");
  await page.getByRole("button", { name: "Compare" }).click();
  await alert.filter({ hasText: "one a line" }).waitFor();
  await page.close();
});

test("the page says what the shipped model knows, and that nothing leaves the machine", async () => {
  const page = await open(browser);
  await page.getByText("drawings of coloured shapes, and nothing else").waitFor();
  await page.getByText("nothing leaves your machine").waitFor();
  await page.close();
});
