// The browser only decodes: every value of a PNG comes back as it is in the file.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { start } from "./chromium.mjs";
import { png } from "./png.mjs";

let browser, page;
before(async () => {
  browser = await start();
  page = await browser.newPage();
  await page.goto(`${browser.url}/pkg/package.json`);
});
after(() => browser.stop());

/** Pixels of every alpha value, with colours that a round trip through premultiplied values would change. */
function pixels(width, height, opaque) {
  const rgba = new Uint8Array(width * height * 4);
  for (let i = 0; i < width * height; i++) {
    rgba.set([(i * 37) & 255, (i * 101 + 13) & 255, (i * 7 + 200) & 255, opaque ? 255 : i & 255], i * 4);
  }
  return rgba;
}

async function decoded(file, wrap = "blob") {
  const values = await page.evaluate(
    async ([bytes, wrap]) => {
      const { decode } = await import("/pkg/lib/engine/picture.js");
      const { crossing } = await import("/pkg/lib/api/input.js");
      const blob = new Blob([Uint8Array.from(bytes)], { type: "image/png" });
      const url = URL.createObjectURL(blob);
      const image = new Image();
      image.src = url;
      const inputs = { blob: () => blob, element: () => image, url: () => url, file: () => new File([blob], "a.png") };
      const { width, height, rgba } = await decode((await crossing(inputs[wrap]())).input);
      return { width, height, rgba: Array.from(rgba) };
    },
    [Array.from(file), wrap],
  );
  return { ...values, rgba: Uint8Array.from(values.rgba) };
}

test("a PNG with alpha comes back exactly", async () => {
  const rgba = pixels(61, 17, false);
  const back = await decoded(png(61, 17, rgba));
  assert.deepEqual([back.width, back.height], [61, 17]);
  assert.deepEqual(back.rgba, rgba);
});

for (const wrap of ["blob", "file", "element", "url"]) {
  test(`an opaque PNG comes back exactly, as ${wrap}`, async () => {
    const rgba = pixels(64, 40, true);
    assert.deepEqual((await decoded(png(64, 40, rgba), wrap)).rgba, rgba);
  });
}

test("what is no picture is an InvalidInput error", async () => {
  const codes = await page.evaluate(async () => {
    const { decode } = await import("/pkg/lib/engine/picture.js");
    const { crossing } = await import("/pkg/lib/api/input.js");
    const decoded = async (input) => decode((await crossing(input)).input);
    const code = (input) => decoded(input).then(() => "decoded", (error) => `${error.name} ${error.code}`);
    const closed = await createImageBitmap(new ImageData(2, 2));
    closed.close();
    return {
      text: await code(new Blob(["no picture"])),
      empty: await code(new Blob([])),
      number: await code(7),
      nothing: await code(undefined),
      closed: await code(closed),
      missing: await code("/no-such-picture.png"),
    };
  });
  const invalid = "InvalidInputError InvalidInput";
  assert.deepEqual(codes, { text: invalid, empty: invalid, number: invalid, nothing: invalid, closed: invalid, missing: "NotFoundError NotFound" });
});
