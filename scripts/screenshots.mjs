// Takes the pictures of the demo page in docs/images, from the page as it was last built, with the shipped model.
import { mkdir, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { serve } from "./serve.mjs";

const OUT = join(resolve(dirname(fileURLToPath(import.meta.url)), ".."), "docs/images");
const LAPTOP = { width: 1080, height: 584 };

/** Name, window, what is asked about which sample picture, and what of the page is taken: all of it, or one part. */
const PICTURES = [
  { name: "page-light", viewport: LAPTOP, colorScheme: "light", sample: 1, question: "what colour does the triangle have?" },
  { name: "page-dark", viewport: LAPTOP, colorScheme: "dark", sample: 7, question: "what is the color of the ring?" },
  { name: "page-phone", viewport: { width: 360, height: 740 }, colorScheme: "light", sample: 5, question: "what is the colour of the circle?" },
  { name: "attention", viewport: LAPTOP, colorScheme: "light", sample: 1, question: "what shape is the blue thing?", part: "#stage" },
];

const { server, url } = await serve();
const browser = await chromium.launch({ executablePath: process.env.PALI3_CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
await mkdir(OUT, { recursive: true });
try {
  for (const { name, viewport, colorScheme, sample, question, part } of PICTURES) {
    const page = await browser.newPage({ viewport, colorScheme, reducedMotion: "reduce" });
    // As with a graphics interface or without one: the note about it is no part of the picture.
    await page.goto(`${url}/?device=cpu`);
    await page.locator("#status[data-device]").waitFor();
    await page.getByRole("button", { name: `Sample picture ${sample}` }).click();
    // Once to warm up, so that the times are those of a second question.
    for (let time = 0; time < 2; time += 1) {
      await page.getByLabel("Question about the picture").fill(question);
      await page.getByRole("button", { name: "Ask" }).click();
      await page.locator(".word").first().waitFor();
    }
    await page.evaluate(() => {
      document.activeElement?.blur();
      for (const id of ["earlier", "webgpu-note"]) document.getElementById(id).hidden = true;
    });
    await page.mouse.move(0, 0);
    const path = join(OUT, `${name}.png`);
    await (part === undefined ? page : page.locator(part)).screenshot({ path });
    console.log(`${name}.png: ${Math.round((await stat(path)).size / 1000)} kB`);
    await page.close();
  }
} finally {
  await browser.close();
  server.closeAllConnections();
  server.close();
}
