// Checked by tsc, never run: the ways in which the README and the demo page call the package, and what must not compile.
import { type Dtype, type GenerationResult, type Memory, type ModelSource, Pali3, Pali3Error, type Piece } from "../../pkg/index.js";

export async function ask(file: File, abort: AbortController): Promise<string> {
  const { supported } = await Pali3.isSupported();
  if (!supported) throw new Error("no WebAssembly with SIMD");
  const model = await Pali3.load("/models/pali3-tiny/", {
    device: "auto",
    dtype: { vision: "q8", text: "q4" },
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
  const { wasm, device }: Memory = model.memory();
  console.log(wasm + device, model.info.dtypes.language_model satisfies Dtype | "f16");
  await model.dispose();
  return text + whole.sequences.map(({ text, score }) => `${text} ${score}`).join();
}

export async function sources(files: FileList, token: string): Promise<void> {
  const headers = { Authorization: token };
  const all: ModelSource[] = ["/models/", new URL("https://example.org/"), { files }, (name) => fetch(`/private/${name}`, { headers }), () => null];
  for (const source of all) await Pali3.load(source, { dtype: "q4" });
}

export async function mistakes(model: Pali3): Promise<void> {
  // @ts-expect-error: an option that does not exist
  await model.generate({ num_beams: 4 });
  // @ts-expect-error: a device that does not exist
  await Pali3.load("/models/", { device: "cuda" });
  // @ts-expect-error: a form that does not exist
  await Pali3.load("/models/", { dtype: "q5" });
  // @ts-expect-error: a source that is none
  await Pali3.load({ url: "/models/" });
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
