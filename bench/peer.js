// transformers.js as a page uses it: the same weights as two models, since it has no PaLI-3 that would join them.
let transformers;
let vision;
let text;
let tokenizer;
let pixels;

const DTYPES = { f32: "fp32", q8: "q8", q4: "q4" };

/** @param {{model: string, device: "cpu" | "webgpu", dtype: "f32" | "q8" | "q4"}} options */
export async function load({ model, device, dtype }) {
  transformers = await import("/peer/@huggingface/transformers/dist/transformers.min.js");
  const { AutoTokenizer, SiglipVisionModel, T5ForConditionalGeneration, env } = transformers;
  env.allowRemoteModels = false;
  env.allowLocalModels = true;
  env.localModelPath = "/models/";
  // Every load is a first one, and need not fill a cache.
  env.useBrowserCache = false;
  env.useWasmCache = false;
  // Its own default is a content delivery network.
  const runtime = new URL("/peer/onnxruntime-web/dist/ort-wasm-simd-threaded.asyncify", location.href).href;
  env.backends.onnx.wasm.wasmPaths = { mjs: `${runtime}.mjs`, wasm: `${runtime}.wasm` };
  const options = { device: device === "cpu" ? "wasm" : device, dtype: DTYPES[dtype] };
  tokenizer = await AutoTokenizer.from_pretrained(`peer/${model}`);
  vision = await SiglipVisionModel.from_pretrained("peer/vision", options);
  text = await T5ForConditionalGeneration.from_pretrained(`peer/${model}`, options);
}

/** The picture as pali3's own preprocessing made it, so that both towers see the same numbers. */
export async function prepare({ tensors }) {
  const { data, dims } = await tensor(tensors, "pixel_values");
  pixels = new transformers.Tensor("float32", data, dims);
}

export async function encodeImage() {
  const { last_hidden_state: tokens } = await vision({ pixel_values: pixels });
  tokens.dispose();
}

/** Token ids of exactly `tokens` new tokens; with `marked`, `window.mark` is called at each. */
export async function generate({ prompt, tokens, marked }) {
  const inputs = tokenizer(prompt);
  const streamer = marked ? { put: () => window.mark(), end() {} } : undefined;
  const output = await text.generate({ ...inputs, min_new_tokens: tokens, max_new_tokens: tokens, streamer });
  // The first is the decoder's start.
  return Array.from(output.data, Number).slice(1);
}

/** Tokens of the prompt; and how far the tower's output is from `visual_tokens`: largest difference, largest value. */
export async function compare({ prompt, tensors }) {
  const { data: wanted } = await tensor(tensors, "visual_tokens");
  const { last_hidden_state: tokens } = await vision({ pixel_values: pixels });
  const found = tokens.data;
  let [difference, largest] = [0, 0];
  for (let i = 0; i < wanted.length; i += 1) {
    difference = Math.max(difference, Math.abs(found[i] - wanted[i]));
    largest = Math.max(largest, Math.abs(wanted[i]));
  }
  return { promptTokens: tokenizer(prompt).input_ids.size, difference, largest };
}

/** A tensor of F32 of a safetensors file. */
async function tensor(url, name) {
  const bytes = await (await fetch(url)).arrayBuffer();
  const header = Number(new DataView(bytes).getBigUint64(0, true));
  const entry = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 8, header)))[name];
  const [start, end] = entry.data_offsets.map((offset) => 8 + header + offset);
  return { data: new Float32Array(bytes.slice(start, end)), dims: entry.shape };
}
