// Checked by tsc, never run: the ways in which the README and the demo page call the package, and what must not compile.
import {
  type Attention,
  type DeviceName,
  type Dtype,
  type GenerateOptions,
  type GenerationResult,
  type GenerationStream,
  type LoadOptions,
  type LoadProgress,
  type MemoryUse,
  type ModelSource,
  Pali3,
  Pali3Error,
  type Piece,
  type Question,
  QuotaError,
  type SelfTest,
  type StoredModel,
  type TargetScore,
} from "../../pkg/index.js";
import type { GENERATION } from "../../pkg/lib/api/generation-options.js";
import type { LOAD_OPTIONS } from "../../pkg/lib/api/options.js";

/** True where two unions have the same members. */
type Same<A, B> = [A, B] extends [B, A] ? true : false;
// The options that are checked at run time are those that are declared.
export const generation: Same<keyof typeof GENERATION, Exclude<keyof GenerateOptions, keyof Question>> = true;
export const loading: Same<keyof typeof LOAD_OPTIONS, keyof LoadOptions> = true;

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
  for await (const piece of model.stream({ image, prompt: "which colour?", numBeams: 4, earlyStopping: "never", stop: ["."] })) {
    const { tokenId, logprob }: Piece = piece;
    text += `${piece.text} ${tokenId} ${logprob}`;
  }
  const whole: GenerationResult = await model.generate({ prompt: "which shape?", image: [image, image] });
  const { wasm, device }: MemoryUse = await model.memory();
  console.log(wasm + device, model.info.dtypes.language_model satisfies Dtype | "f16" | undefined);
  return text + whole.sequences.map(({ text, score }) => `${text} ${score}`).join();
}

/** A stream is no promise: what is returned is the stream. */
export async function streamed(model: Pali3): Promise<GenerationStream> {
  const answer = model.stream({ prompt: "which colour?" });
  const { sequences }: GenerationResult = await answer.result;
  console.log(sequences.length);
  return answer;
}

/** Pictures as they are, in every call that is about some. */
export async function directly(model: Pali3, file: File, canvas: HTMLCanvasElement): Promise<void> {
  const pixels = { data: new Uint8Array(4), width: 1, height: 1 };
  await model.generate({ image: file, prompt: "which colour?" });
  await model.generate({ images: [file, canvas, "picture.png", pixels, await model.encodeImage(pixels)] });
  await model.score({ image: new URL("https://example.org/a.png"), targets: ["red"] });
  await model.attention({ images: [pixels], tokenIds: [1] });
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
  const stored: StoredModel[] = await Pali3.cache.list();
  const where: DeviceName = model.device;
  const told: (event: LoadProgress) => void = ({ phase }) => console.log(phase, where);
  await Pali3.load("/models/", { onProgress: told });
  for (const { source, bytes, complete, used } of stored) {
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
  // @ts-expect-error: no picture
  await model.generate({ image: { data: [1, 2, 3], width: 1, height: 1 } });
  // @ts-expect-error: what is awaited is no stream
  for await (const piece of model.generate({})) console.log(piece);
  // @ts-expect-error: a stream is not awaited itself
  console.log((await model.stream({})).text);
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
