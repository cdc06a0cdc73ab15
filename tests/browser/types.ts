// Checked by tsc, never run: the ways in which the README and the demo page call the package, and what must not compile.
import {
  type Attention,
  type Dtype,
  type GenerationResult,
  type Memory,
  type ModelSource,
  Pali3,
  Pali3Error,
  type Piece,
  QuotaError,
  type SelfTest,
  type TargetScore,
} from "../../pkg/index.js";

export async function ask(file: File, abort: AbortController): Promise<string> {
  const { supported } = await Pali3.isSupported();
  if (!supported) throw new Error("no WebAssembly with SIMD");
  await using model = await Pali3.load("/models/pali3-tiny/", {
    device: "auto",
    dtype: { vision: "q8", text: "q4" },
    worker: true,
    cache: "opfs",
    onProgress: ({ phase, file, loaded, total, totalLoaded, totalBytes }) => console.log(phase, file, loaded / total, totalLoaded / totalBytes),
    signal: abort.signal,
    wasmUrl: { cpu: "/wasm/pali3_cpu_bg.wasm", webgpu: new URL("https://example.org/pali3_webgpu_bg.wasm") },
    workerUrl: "/worker.js",
  });
  using image = await model.encodeImage(file, { signal: abort.signal });
  let text = "";
  for await (const piece of model.generate({ image, prompt: "which colour?", numBeams: 4, earlyStopping: "never", stop: ["."] })) {
    const { tokenId, logprob }: Piece = piece;
    text += `${piece.text} ${tokenId} ${logprob}`;
  }
  const whole: GenerationResult = await model.generate({ prompt: "which shape?", image: [image, image] });
  const { wasm, device }: Memory = await model.memory();
  console.log(wasm + device, model.info.dtypes.language_model satisfies Dtype | "f16" | undefined);
  return text + whole.sequences.map(({ text, score }) => `${text} ${score}`).join();
}

export async function more(model: Pali3, video: HTMLVideoElement): Promise<void> {
  const image = await model.encodeImage(video);
  const again = Pali3.imageFromBytes(await image.toBytes());
  const scores: TargetScore[] = await model.score({ image: again, prompt: "which colour?", targets: ["red", "blue"] });
  const { tokens, mean, grids }: Attention = await model.attention({ image, prompt: "which colour?", tokenIds: scores[0].tokenIds });
  console.log(tokens[0].images[0][0] + mean.prompt, grids[0].rows * grids[0].columns);
  const [cat] = await model.embed(["a cat"]);
  const picture: Float32Array = await model.embed(video);
  const probability: number = model.similarity(picture, cat);
  const matrix: number[][] = model.similarity([picture], [cat]);
  const { ok, checks }: SelfTest = await model.selfTest();
  console.log(probability, matrix, ok, checks[0].largestError);
  await model.warmup();
  await model.dispose();
  for (const { source, bytes, complete, used } of await Pali3.cache.list()) {
    if (!complete && Date.now() - used.getTime() > 1e9) await Pali3.cache.delete(source);
    console.log(bytes, await Pali3.cache.size(), await Pali3.cache.persist());
  }
}

export async function sources(files: FileList, token: string): Promise<void> {
  const headers = { Authorization: token };
  const all: ModelSource[] = ["/models/", new URL("https://example.org/"), { files }, (name) => fetch(`/private/${name}`, { headers }), () => null];
  for (const source of all) await Pali3.load(source, { dtype: "q4", cache: false });
}

/** What is known of a picture is known of models that take one. */
export function sees({ info }: Pali3): string {
  if (info.kind === "siglip") return `${info.embeddingSize} numbers, ${info.visualTokens} patches`;
  return info.kind === "t5" ? "nothing" : info.imageSize.join(" x ");
}

export async function mistakes(model: Pali3): Promise<void> {
  // @ts-expect-error: not every model takes pictures
  console.log(model.info.imageSize);
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
  // @ts-expect-error: texts and pictures are embedded apart
  await model.embed(["a cat", new Blob()]);
  // @ts-expect-error: the candidates are missing
  await model.score({ prompt: "which colour?" });
  try {
    await model.encodeImage("picture.png");
  } catch (error) {
    if (error instanceof QuotaError) console.log(error.message);
    if (error instanceof Pali3Error && error.code === "Network") console.log(error.message);
    // @ts-expect-error: a code that does not exist
    if (error instanceof Pali3Error && error.code === "Teapot") console.log();
  }
}
