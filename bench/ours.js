// pali3 as a page uses it.
let model;
let picture;

/** @param {{model: string, device: "cpu" | "webgpu", dtype: "f32" | "q8" | "q4"}} options */
export async function load({ model: name, device, dtype }) {
  const { Pali3 } = await import("/pkg/index.js");
  model = await Pali3.load(`/models/${name}-${dtype}/`, { device, dtype, cache: false });
}

/** The picture as pixels, so that no PNG is decoded while the clock runs. */
export async function prepare({ picture: url }) {
  const bitmap = await createImageBitmap(await (await fetch(url)).blob());
  const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
  context.drawImage(bitmap, 0, 0);
  picture = context.getImageData(0, 0, bitmap.width, bitmap.height);
}

export async function encodeImage() {
  (await model.encodeImage(picture)).dispose();
}

/** Token ids of exactly `tokens` new tokens; with `marked`, `window.mark` is called at each. */
export async function generate({ prompt, tokens, marked }) {
  const answer = model.stream({ prompt, minNewTokens: tokens, maxNewTokens: tokens });
  if (marked) for await (const _ of answer) window.mark();
  return (await answer.result).tokenIds;
}

/** The same with the picture, to be compared with what the command line says. */
export async function answer({ prompt, tokens }) {
  const image = await model.encodeImage(picture);
  return (await model.generate({ image, prompt, minNewTokens: tokens, maxNewTokens: tokens })).tokenIds;
}
