// The demo page for everybody: keyboard, screen reader, phone, light and dark, and browsers without WebGPU.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { ROOT, start } from "./chromium.mjs";
import { answered, ask, BUILT, complaints, open, ready, samples } from "./page.mjs";

const axe = await readFile(join(ROOT, "node_modules/axe-core/axe.min.js"), "utf8");

let browser;
before(async () => (browser = await start(BUILT)));
after(() => browser.stop());

/** What axe finds that keeps people out. */
async function barriers(page) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ target, failureSummary }) => `${target} ${failureSummary}`).join("; ")}`);
}

const overflow = (page) => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);

/** Every state that a visitor sees, one after the other. */
async function* states(page) {
  yield "loading";
  await ready(page);
  yield "empty";
  await ask(page, samples[0].questions[1].question);
  yield "answered";
  await ask(page, samples[0].questions[2].question);
  await page.getByText("Earlier answers").click();
  yield "earlier answers";
  await page.getByRole("button", { name: "Compare" }).click();
  await page.locator("#bars").waitFor();
  yield "labels";
  await page.getByLabel("Question about the picture").fill("");
  await page.getByRole("button", { name: "Ask" }).click();
  await page.getByRole("alert").waitFor();
  yield "error";
  await page.locator("#open-model").click();
  await page.locator("#stored button").waitFor();
  yield "model dialog";
  await page.keyboard.press("Escape");
  await page.locator("#open-camera").click();
  yield "camera dialog";
  await page.keyboard.press("Escape");
}

for (const colorScheme of ["light", "dark"]) {
  test(`axe finds no barrier, and a phone's width needs no sideways scrolling, in any state (${colorScheme})`, async () => {
    const page = await browser.newPage({ viewport: { width: 360, height: 740 }, colorScheme });
    await page.goto(`${browser.url}/?device=cpu`);
    for await (const state of states(page)) {
      assert.deepEqual(await barriers(page), [], state);
      assert.ok((await overflow(page)) <= 0, `${state}: ${await overflow(page)} pixels too wide`);
    }
    await page.close();
  });

  test(`axe finds no barrier on a laptop (${colorScheme})`, async () => {
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 }, colorScheme });
    await page.goto(`${browser.url}/?device=cpu`);
    for await (const state of states(page)) assert.deepEqual(await barriers(page), [], state);
    await page.close();
  });
}

test("axe does find barriers where there are some", async () => {
  const page = await open(browser);
  await page.evaluate(() => {
    document.querySelector("#answer").textContent = "pale";
    document.querySelector("#answer").style.color = "#ddd";
    document.querySelector("#preview").removeAttribute("alt");
  });
  assert.match((await barriers(page)).join(), /color-contrast.*image-alt/s);
  await page.close();
});

test("a failed load: no barrier, not too wide", async () => {
  const page = await browser.newPage({ viewport: { width: 360, height: 740 } });
  await page.goto(`${browser.url}/?model=${"nowhere-with-a-very-long-name-that-does-not-break".repeat(3)}/`);
  await page.getByRole("alert").waitFor();
  assert.deepEqual(await barriers(page), []);
  assert.ok((await overflow(page)) <= 0);
  await page.close();
});

for (const [device, viewport] of Object.entries({ phone: { width: 360, height: 740 }, laptop: { width: 1280, height: 800 } })) {
  test(`picture, question and answer are in the first view of a ${device}`, async () => {
    const page = await open(browser, "?device=cpu", { viewport });
    await ask(page, samples[0].questions[1].question);
    assert.equal(await page.evaluate(() => scrollY), 0);
    for (const id of ["preview", "question", "answer"]) {
      const box = await page.locator(`#${id}`).boundingBox();
      assert.ok(box.y >= 0 && box.y + box.height <= viewport.height, `${id}: ${JSON.stringify(box)}`);
    }
    await page.close();
  });
}

describe("the keyboard alone is enough", () => {
  let page;
  before(async () => (page = await open(browser)));
  after(() => page.close());

  /** Presses Tab until the element has the focus, which has to be seen. */
  async function tabTo(selector) {
    for (let presses = 0; presses < 40; presses += 1) {
      await page.keyboard.press("Tab");
      const found = await page.evaluate((selector) => {
        const { activeElement } = document;
        const { outlineStyle, outlineWidth } = getComputedStyle(activeElement);
        return { here: activeElement.matches(selector), seen: outlineStyle !== "none" && outlineWidth !== "0px", tag: activeElement.outerHTML.slice(0, 80) };
      }, selector);
      if (found.tag.startsWith("<body")) continue;
      // A radio button's focus is seen on the text beside it.
      if (!found.tag.includes('type="radio"')) assert.ok(found.seen, `no focus is seen on ${found.tag}`);
      if (found.here) return;
    }
    assert.fail(`Tab does not come to ${selector}`);
  }

  test("from the top of the page to an answer and to a map", async () => {
    await tabTo('[aria-label="Sample picture 1"]');
    await page.keyboard.press("Enter");
    await tabTo("#question");
    const { question, answer } = samples[0].questions[1];
    await page.keyboard.type(question);
    await page.keyboard.press("Enter");
    assert.equal(await answered(page), answer);
    // The focus is where it was, for the next question.
    assert.equal(await page.evaluate(() => document.activeElement.id), "question");
    assert.match(await page.locator("#live").textContent(), new RegExp(`Answer: ${answer}`));
    await tabTo(".word");
    assert.match(await page.locator("#gaze-note").textContent(), new RegExp(`“${answer}”`));
  });

  test("a suggested question, and labels", async () => {
    await page.keyboard.press("Control+Home");
    await page.locator("#question").focus();
    await tabTo("#suggestions button");
    await page.keyboard.press("Space");
    assert.equal(await answered(page), samples[0].questions[0].answer);
    await tabTo("#labels");
    await page.keyboard.press("Control+A");
    await page.keyboard.type("1\n2\n3");
    await tabTo("#compare");
    await page.keyboard.press("Enter");
    await page.locator("#bars").waitFor();
    assert.equal(await page.locator("#bars label").first().evaluate((label) => label.firstChild.textContent), "1");
  });

  test("the dialog takes the focus, and gives it back", async () => {
    await page.locator("#open-model").focus();
    await page.keyboard.press("Enter");
    await tabTo('#devices input[value="cpu"]');
    await page.keyboard.press("Escape");
    assert.equal(await page.evaluate(() => document.activeElement.id), "open-model");
  });
});

test("who wants less motion sees none", async () => {
  const page = await open(browser, "?device=cpu", { reducedMotion: "reduce" });
  const moving = await page.evaluate(() =>
    [...document.querySelectorAll("*")].filter((element) => {
      const { transitionDuration, animationName, scrollBehavior } = getComputedStyle(element);
      return transitionDuration.split(", ").some((time) => time !== "0s") || animationName !== "none" || scrollBehavior === "smooth";
    }).length,
  );
  assert.equal(moving, 0);
  await page.close();
});

describe("without WebGPU", () => {
  let without;
  before(async () => (without = await start(BUILT, { webgpu: false })));
  after(() => without.stop());

  for (const [how, script] of [
    ["as Chromium is when it is switched off", () => {}],
    ["as browsers are that never had it", () => delete Navigator.prototype.gpu],
  ]) {
    test(`${how}: the page says so in plain words and runs on the CPU`, async () => {
      const page = await without.newPage();
      await page.addInitScript(script);
      await page.goto(`${without.url}/`);
      await ready(page);
      assert.equal(await page.locator("#status").getAttribute("data-device"), "cpu");
      await page.getByText("This browser has no WebGPU, so the model runs on the processor (CPU).").first().waitFor();
      assert.equal(await ask(page, samples[0].questions[1].question), samples[0].questions[1].answer);
      await page.locator("#open-model").click();
      assert.ok(await page.locator('#devices input[value="webgpu"]').isDisabled());
      assert.deepEqual(complaints(page), []);
      await page.close();
    });
  }

  test("an address that insists on WebGPU: what to do is said", async () => {
    const page = await without.newPage();
    await page.goto(`${without.url}/?device=webgpu`);
    const alert = page.getByRole("alert");
    await alert.waitFor();
    assert.equal(await alert.getAttribute("data-code"), "WebGPUUnavailable");
    assert.match(await alert.textContent(), /choose the CPU/);
    await page.locator("#open-model").click();
    await page.getByRole("radio", { name: "CPU", exact: true }).check();
    await ready(page);
    await page.close();
  });
});
