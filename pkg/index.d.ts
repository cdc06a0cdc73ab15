/** Where a model computes. */
export type Device = "webgpu" | "cpu";

/**
 * What an error is about; stable, for programs to go by.
 *
 * - `NotFound`: a file or the model folder is not there
 * - `Io`: a file could not be read, or has changed on the disk
 * - `Network`: a request failed or was cut off, and further tries as well
 * - `Integrity`: a file is truncated or corrupt, or was replaced on the server meanwhile
 * - `UnsupportedModel`: the folder holds a model, tensor or setting that this package does not run
 * - `InvalidInput`: the picture, the prompt or an argument cannot be used
 * - `InvalidOption`: an option is unknown or out of range
 * - `WebGPUUnavailable`: there is no WebGPU, and `device: "webgpu"` was asked for
 * - `DeviceLost`: the GPU reported an error or went away
 * - `Aborted`: the `signal` fired
 * - `Internal`: the WebAssembly module stopped; load the model again
 */
export type Pali3ErrorCode =
  | "NotFound"
  | "Io"
  | "Network"
  | "Integrity"
  | "UnsupportedModel"
  | "InvalidInput"
  | "InvalidOption"
  | "WebGPUUnavailable"
  | "DeviceLost"
  | "Aborted"
  | "Internal";

/** What every call throws or rejects with. The library stays usable after any of them. */
export class Pali3Error extends Error {
  readonly name: "Pali3Error";
  readonly code: Pali3ErrorCode;
}

/**
 * How far a load is. `loaded` and `total` are bytes: of the file while downloading (or reading it from the disk), of
 * all weights while uploading. Bytes that come twice, as after an interruption, count once.
 */
export interface Progress {
  phase: "download" | "upload" | "ready";
  /** File of the model folder; empty when ready. */
  file: string;
  loaded: number;
  total: number;
}

/** Bytes of a file: from `start` up to, not including, `end`. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * Answers for the files of a model folder, from wherever they are: a server that wants a header, a cache, the origin's
 * private file system, an archive.
 *
 * - Without `range`, the whole file is asked for: status 200. With it, status 206, the bytes of the range as body, and
 *   `Content-Range: bytes start-last/total` if the total is known, `last` being `end - 1`. Status 200 always means the
 *   whole file; answered to a range, it is read as a stream, in which later ranges follow.
 * - `null` or status 404: there is no such file. Some files are optional, so this is no error in itself.
 * - Status 408, 425, 429, 500, 502, 503 and 504, a body that breaks off, and whatever the function throws (but for a
 *   `Pali3Error`) count as passing failures: the function is asked again, from the byte where it stopped.
 * - `signal` fires when the load is aborted, and when it has ended.
 *
 * @param name of the file, as `config.json`
 */
export type SourceFunction = (
  name: string,
  range: ByteRange | undefined,
  signal: AbortSignal,
) => Response | null | Promise<Response | null>;

/**
 * The files of a model folder that the visitor chose (`<input type="file" multiple>`, with or without
 * `webkitdirectory`) or dropped. They go by the last part of `webkitRelativePath` or `name`; where several have it, the
 * one nearest to the top of the folder counts. They are read piece by piece, and must not change while they are.
 */
export interface LocalFiles {
  files: Iterable<NamedBlob> | ArrayLike<NamedBlob>;
}

/** A `File`, or any `Blob` with a name. */
export type NamedBlob = Blob & { readonly name: string; readonly webkitRelativePath?: string };

/**
 * Where a model folder is: a URL (a relative one starts at the page), files of the visitor's, or a function.
 *
 * From a URL, files are read with Range requests where the server knows them, else as one stream each; no file of
 * weights is ever in memory as a whole. What fails or is cut off is tried again from the byte where it stopped, up to
 * six times in a row without a byte, for some eight seconds or as long as the server asks for (`Retry-After`). A file
 * that changes on the server meanwhile is an error of code `Integrity`.
 */
export type ModelSource = string | URL | LocalFiles | SourceFunction;

/** Form of a matrix. */
export type Dtype = "f32" | "q8" | "q4";

export interface LoadOptions {
  /**
   * `"auto"` (the default) takes WebGPU where there is a real GPU, else the CPU: on a software adapter
   * WebAssembly is much faster than any shader. `"webgpu"` insists on WebGPU, even in software.
   */
  device?: "auto" | Device;
  /**
   * How matrices are held and computed on: 32-bit floats, or blocks of 8- or 4-bit integers (8.5 and 4.5 bits a weight).
   * `"auto"` (the default) takes them as the folder stores them. A folder of floats is quantized while it loads.
   */
  dtype?: "auto" | Dtype | { vision?: Dtype; text?: Dtype };
  onProgress?: (event: Progress) => void;
  signal?: AbortSignal;
  /** Where `pali3_bg.wasm` is, if not beside the package's own files. */
  wasmUrl?: string | URL;
}

/** What is known of a loaded model. */
export interface ModelInfo {
  /** Parameters of the whole model. */
  readonly parameters: number;
  /** Form of each part's matrices on the device; `"f16"`: halves in the file, computed on as 32-bit floats. */
  readonly dtypes: Readonly<Record<"vision_tower" | "multi_modal_projector" | "language_model", Dtype | "f16">>;
  /** Width and height of a picture as the model sees it, in pixels. */
  readonly imageSize: readonly [number, number];
  /** Tokens that a picture becomes. */
  readonly visualTokens: number;
  /** Entries of the vocabulary. */
  readonly vocabularySize: number;
}

/** Bytes held by a page's models. */
export interface Memory {
  /** WebAssembly's memory, which all models of the page share and which never shrinks: its size is its peak. */
  wasm: number;
  /** In use on the GPU by the models and encoded pictures of the page; 0 on the CPU. */
  device: number;
  /** Taken from the GPU: what is in use, and what is kept for the next call. */
  deviceReserved: number;
}

/** Anything that a browser can decode. Orientation from EXIF is applied; transparency goes over white. */
export type ImageInput =
  | Blob
  | File
  | ImageBitmap
  | HTMLImageElement
  | HTMLCanvasElement
  | OffscreenCanvas
  | ImageData
  | string
  | URL;

/** A picture as the model sees it. Can be asked about any number of times. */
export class EncodedImage {
  private constructor();
  /** Number of visual tokens. */
  readonly visualTokens: number;
  /** Frees its memory at once; garbage collection does it later. */
  dispose(): void;
}

export interface GenerateOptions {
  /** From `encodeImage`. Without it, the model sees only the prompt. */
  image?: EncodedImage | null;
  /** The question. Empty by default, for models that caption without one. */
  prompt?: string;
  /** Most tokens to generate; 20 unless the model folder says otherwise. */
  maxNewTokens?: number;
  /** Tokens to generate before the end is allowed. */
  minNewTokens?: number;
  /** Beams; 1 means no beam search. */
  numBeams?: number;
  /** Draw tokens at random; implied by `temperature`, `topK` and `topP`. */
  doSample?: boolean;
  /** Divides the scores before sampling; above 0. */
  temperature?: number;
  /** Sample among this many most probable tokens; 0 means all. */
  topK?: number;
  /** Sample among the most probable tokens whose probabilities add up to this; 0 to 1. */
  topP?: number;
  /** The same seed draws the same numbers, here and natively. */
  seed?: number;
  /** Divides the score of every token already in the sequence; above 0. */
  repetitionPenalty?: number;
  /** No sequence of this many tokens may occur twice; 0 means no limit. */
  noRepeatNgramSize?: number;
  /** Exponent of the length that divides a beam's score. */
  lengthPenalty?: number;
  /** When beam search stops. */
  earlyStopping?: boolean | "never";
  /** Sequences to return: at most as many as beams, or any number of samples. */
  numReturnSequences?: number;
  /** Texts at which to stop; not part of the result. */
  stop?: string | readonly string[];
  /** Stops the generation with an error of code `Aborted`. */
  signal?: AbortSignal;
}

/** One token as it comes. */
export interface Piece {
  /** May be empty while characters are incomplete or may turn out to be a stop text. */
  text: string;
  tokenId: number;
  /** Log-probability of the token. */
  logprob: number;
  /** Which of the `sequences` it belongs to. */
  sequence: number;
}

export interface Sequence {
  text: string;
  tokenIds: number[];
  /** Log-probability of each token. */
  logprobs: number[];
  /** Sum of the log-probabilities; with beams, HF's `sequences_scores`. */
  score: number;
  /** The end token, a stop text, `maxNewTokens`, or the caller leaving the loop. */
  finishReason: "eos" | "stop" | "length" | "left";
}

/** The whole of a generation. `text`, `tokenIds` and `score` are those of the first sequence. */
export interface GenerationResult {
  text: string;
  tokenIds: number[];
  score: number;
  sequences: Sequence[];
  /** Milliseconds from the start of this call to its first token, and to its end. */
  timings: { firstToken: number; total: number };
}

/**
 * One generation: iterate over it for the pieces as they come, or await it for the whole, or both.
 * It runs from the moment of the call. Leaving the loop by `break` stops it; awaited after that, it gives
 * what had come by then.
 */
export interface Generation extends AsyncIterable<Piece>, Promise<GenerationResult> {}

export class Pali3 {
  private constructor();

  /** What this browser can do: WebAssembly with SIMD is all that the CPU needs. */
  static isSupported(): Promise<{ supported: boolean; webgpu: boolean; softwareAdapter: boolean }>;

  /**
   * Loads a model folder: `config.json`, `preprocessor_config.json`, `tokenizer.json`, `model.safetensors` or shards.
   * Weights go to the device piece by piece; at any time at most 8 MB of them (or one row) are in between.
   * @param source where it is
   */
  static load(source: ModelSource, options?: LoadOptions): Promise<Pali3>;

  readonly device: Device;
  readonly info: ModelInfo;

  /** Calls on one model run in the order in which they were made. */
  encodeImage(input: ImageInput, options?: { signal?: AbortSignal }): Promise<EncodedImage>;
  generate(options?: GenerateOptions): Generation;

  /** Bytes that are held now. */
  memory(): Memory;

  /** Frees the model's memory once the calls under way are done. */
  dispose(): Promise<void>;
}
