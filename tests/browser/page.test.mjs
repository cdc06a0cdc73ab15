// The demo page, driven as a visitor does, with the committed weights and real PNG files.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { ROOT, start } from "./chromium.mjs";

const SAMPLES = join(ROOT, "www/samples");

let browser, samples;
before(async () => {
  browser = await start();
  samples = JSON.parse(await readFile(join(SAMPLES, "samples.json"), "utf8"));
});
after(() => browser.stop());

/** Opens the page and waits for the model. */
async function open(device, options) {
  const page = await browser.newPage(options);
  await page.goto(`${browser.url}/?device=${device}`);
  await page.locator("#status[data-device]").waitFor();
  return page;
}

async function ask(page, question) {
  await page.getByLabel("Question about the picture").fill(question);
  await page.getByRole("button", { name: "Ask" }).click();
  await page.locator("#timings").filter({ hasText: "probability" }).waitFor();
  return (await page.locator("#answer").textContent()).trim();
}

for (const device of ["cpu", "webgpu"]) {
  describe(`on ${device}`, () => {
    let page;
    before(async () => (page = await open(device)));
    after(() => page.close());

    test("the page says where the model runs", async () => {
      assert.equal(await page.locator("#status").getAttribute("data-device"), device);
    });

    test("a PNG from a file, three questions, three right answers", async () => {
      const [{ file, questions }] = samples;
      await page.locator("#file").setInputFiles(join(SAMPLES, file));
      // How many, which colour, which shape.
      for (const { question, answer } of questions.slice(0, 3)) assert.equal(await ask(page, question), answer, question);
    });

    test("a sample picture and a suggested question", async () => {
      const { questions } = samples[1];
      await page.getByRole("button", { name: "Sample picture 2" }).click();
      await page.getByRole("button", { name: questions[0].question }).click();
      await page.locator("#timings").filter({ hasText: "probability" }).waitFor();
      assert.equal(await page.locator("#answer").textContent(), questions[0].answer);
      assert.match(await page.locator("#expected").textContent(), new RegExp(questions[0].answer));
    });

    test("a file that is no picture is said so in plain words, and the page goes on", async () => {
      await page.locator("#file").setInputFiles({ name: "notes.png", mimeType: "image/png", buffer: Buffer.from("no picture") });
      await page.getByLabel("Question about the picture").fill("what is it?");
      await page.getByRole("button", { name: "Ask" }).click();
      const alert = page.getByRole("alert");
      await alert.waitFor();
      assert.match(await alert.textContent(), /That cannot be used .*not a picture/);
      const [{ file, questions }] = samples;
      await page.locator("#file").setInputFiles(join(SAMPLES, file));
      assert.equal(await ask(page, questions[0].question), questions[0].answer);
      assert.ok(await alert.isHidden());
    });

    test("nothing went wrong unseen", () => {
      assert.deepEqual(page.log.filter((line) => /^(error|uncaught)/.test(line)), []);
    });
  });
}

test("most sample questions are answered rightly", async () => {
  const page = await open("cpu");
  let [right, asked] = [0, 0];
  for (const { file, questions } of samples) {
    await page.locator("#file").setInputFiles(join(SAMPLES, file));
    for (const { question, answer } of questions) {
      asked += 1;
      if ((await ask(page, question)) === answer) right += 1;
    }
  }
  assert.ok(asked >= 20 && right / asked >= 0.75, `${right} of ${asked}`);
  await page.close();
});

test("the keyboard alone is enough", async () => {
  const page = await open("cpu");
  await page.locator("#question").focus();
  await page.keyboard.type(samples[0].questions[0].question);
  await page.keyboard.press("Enter");
  await page.locator("#timings").filter({ hasText: "probability" }).waitFor();
  assert.equal(await page.locator("#answer").textContent(), samples[0].questions[0].answer);
  await page.close();
});

for (const colorScheme of ["light", "dark"]) {
  test(`a phone's width needs no sideways scrolling (${colorScheme})`, async () => {
    const page = await open("cpu", { viewport: { width: 360, height: 740 }, colorScheme });
    const { inner, scroll } = await page.evaluate(() => ({ inner: innerWidth, scroll: document.documentElement.scrollWidth }));
    assert.ok(scroll <= inner, `${scroll} > ${inner}`);
    await page.close();
  });
}

test("a model that is not there is said so in plain words", async () => {
  const page = await browser.newPage();
  await page.goto(`${browser.url}/?model=nowhere/`);
  const alert = page.getByRole("alert");
  await alert.waitFor();
  assert.match(await alert.textContent(), /A file is missing/);
  assert.equal(await alert.getAttribute("data-code"), "NotFound");
  await page.close();
});
