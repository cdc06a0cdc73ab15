// Checked by tsc, never run: the ways in which the README and the demo page call the package, and what must not compile.
import { type GenerationResult, Pali3, Pali3Error, type Piece } from "../../pkg/index.js";

export async function ask(file: File, abort: AbortController): Promise<string> {
  const { supported } = await Pali3.isSupported();
  if (!supported) throw new Error("no WebAssembly with SIMD");
  const model = await Pali3.load("/models/pali3-tiny/", {
    device: "auto",
    onProgress: ({ phase, file, loaded, total }) => console.log(phase, file, loaded / total),
    signal: abort.signal,
    wasmUrl: new URL("https://example.org/pali3_bg.wasm"),
  });
  const image = await model.encodeImage(file, { signal: abort.signal });
  let text = "";
  for await (const piece of model.generate({ image, prompt: "which colour?", numBeams: 4, earlyStopping: "never", stop: ["."] })) {
    const { tokenId, logprob }: Piece = piece;
    text += `${piece.text} ${tokenId} ${logprob}`;
  }
  const whole: GenerationResult = await model.generate({ prompt: "which shape?" });
  image.dispose();
  await model.dispose();
  return text + whole.sequences.map(({ text, score }) => `${text} ${score}`).join();
}

export async function mistakes(model: Pali3): Promise<void> {
  // @ts-expect-error: an option that does not exist
  await model.generate({ num_beams: 4 });
  // @ts-expect-error: a device that does not exist
  await Pali3.load("/models/", { device: "cuda" });
  // @ts-expect-error: a picture has to be encoded first
  await model.generate({ image: new Blob() });
  try {
    await model.encodeImage("picture.png");
  } catch (error) {
    if (error instanceof Pali3Error && error.code === "Network") console.log(error.message);
    // @ts-expect-error: a code that does not exist
    if (error instanceof Pali3Error && error.code === "Teapot") console.log();
  }
}
