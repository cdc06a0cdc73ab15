// Projects without the newest libraries do not know Symbol.dispose.
/// <reference lib="esnext.disposable" />

/** A model, made by `Pali3.load`. It computes in a worker of its own, unless the option `worker` says otherwise. */
export class Pali3 {
  private constructor();

  /**
   * What this browser can do. `supported`: it runs WebAssembly with SIMD, which is all that the CPU needs. `webgpu`: it offers
   * a WebGPU adapter. `softwareAdapter`: that adapter computes on the processor.
   */
  static isSupported(): Promise<{ supported: boolean; webgpu: boolean; softwareAdapter: boolean }>;

  /**
   * Loads a model folder of PaLI-3, of a T5 model alone, or of SigLIP's two towers: `config.json`, `tokenizer.json`,
   * `preprocessor_config.json` (not for T5), and `model.safetensors` or shards with their index.
   * Weights go to the device in pieces of at most 8 MB (or one row), so that WebAssembly never holds more than one.
   * @param source where the folder is
   */
  static load(source: ModelSource, options?: LoadOptions): Promise<Pali3>;

  /** A picture from the bytes that `toBytes` gave. The model that it is used with checks whether they fit its vision tower. */
  static imageFromBytes(bytes: Uint8Array | ArrayBuffer): EncodedImage;

  /** What is stored in this browser. */
  static readonly cache: StoredModels;

  readonly device: DeviceName;
  readonly info: ModelInfo;
  /** Whether the model works in a worker. */
  readonly worker: boolean;
  /** Whether all that was read of the folder is stored, so that the next load needs no network. */
  readonly cached: boolean;

  /**
   * Encodes a picture, to be asked about any number of times. Fails with code `UnsupportedModel` where the model takes no
   * pictures. Calls on one model run one after the other, in the order in which they were made.
   */
  encodeImage(input: ImageInput, options?: { signal?: AbortSignal }): Promise<EncodedImage>;
  /** Answers a question about pictures, or about none. The promise is fulfilled when the answer is whole. */
  generate(options?: GenerateOptions): Promise<GenerationResult>;
  /** Answers as `generate` does, to be read as it comes: `for await (const { text } of model.stream(…))`. */
  stream(options?: GenerateOptions): GenerationStream;
  /** Log-likelihood of each candidate answer, in their order. */
  score(options: ScoreOptions): Promise<TargetScore[]>;
  /** Where the model looked for each token of an answer. */
  attention(options: AttentionOptions): Promise<Attention>;

  /**
   * SigLIP's embeddings, of length 1. Strings are texts, everything else is a picture; a picture's address has to be a
   * `URL` object here. Fails with code `UnsupportedModel` where the checkpoint has no text tower.
   */
  embed(input: string | Exclude<ImageInput, string>, options?: { signal?: AbortSignal }): Promise<Float32Array>;
  embed(inputs: readonly string[] | readonly Exclude<ImageInput, string>[], options?: { signal?: AbortSignal }): Promise<Float32Array[]>;
  /** Probability that a picture and a text belong together, from their embeddings. Of several: a row a picture, a column a text. */
  similarity(image: Float32Array, text: Float32Array): number;
  similarity(images: readonly Float32Array[], texts: readonly Float32Array[]): number[][];

  /**
   * Runs the kernels once, so that the first answer comes as fast as the others. On WebGPU `load` does so by itself, except
   * for large models on a software adapter, where it would take longer than it saves.
   */
  warmup(): Promise<void>;
  /** Compares this device's results with those that the model folder has on record (`self_test.json`). */
  selfTest(): Promise<SelfTest>;
  /** How much memory the model holds now. */
  memory(): Promise<MemoryUse>;

  /** Frees the model's memory once the calls under way are done. */
  dispose(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** A picture as the model sees it. It can be asked about any number of times. */
export class EncodedImage {
  private constructor();
  /** Number of visual tokens. */
  readonly visualTokens: number;
  /** Rows and columns of patches; their product is the number of tokens. */
  readonly rows: number;
  readonly columns: number;
  /** The visual tokens as bytes. `Pali3.imageFromBytes` takes them, for any model with the same vision tower. */
  toBytes(): Promise<Uint8Array<ArrayBuffer>>;
  /** Frees its memory at once. Without this call, garbage collection does it later. */
  dispose(): void;
  [Symbol.dispose](): void;
}

/** Where a model computes. */
export type DeviceName = "webgpu" | "cpu";

/**
 * How far a load is. The phases overlap: some weights are moved to the device while others are on their way. Bytes that come
 * twice, as after an interruption, count once.
 */
export interface LoadProgress {
  /**
   * - `"download"`: bytes came from the source; `"cache"`: from what an earlier load has stored
   * - `"upload"`: weights are on the device
   * - `"compile"`: the device has compiled some of its kernels (WebGPU only)
   * - `"ready"`: the last event
   */
  phase: "download" | "cache" | "upload" | "compile" | "ready";
  /** File of the model folder. Empty where no single file is meant, as in the first event, which tells the totals. */
  file: string;
  /** Bytes of the file that are here; while uploading, bytes of all weights; while compiling, steps. */
  loaded: number;
  total: number;
  /** Bytes of all files that are here, downloaded or stored before. */
  totalLoaded: number;
  /** Bytes of all files: known from the first event on, or 0 where the source tells no sizes. */
  totalBytes: number;
}

/** Bytes of a file: from `start` up to, not including, `end`. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * Reads a model folder that is not simply at a URL: on a server that wants a header, in an archive, in a store of your own.
 * It is called on the thread that called `load`.
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
   * `"auto"` takes WebGPU where there is a real GPU, else the CPU: on a software adapter WebAssembly is much faster than any
   * shader. `"webgpu"` insists on WebGPU, even in software.
   * @default "auto"
   */
  device?: "auto" | DeviceName;
  /**
   * How matrices are held and computed on: 32-bit floats, or blocks of 8- or 4-bit integers (8.5 and 4.5 bits a weight).
   * `"auto"` takes them as the folder stores them. A folder of floats is quantized while it loads.
   * @default "auto"
   */
  dtype?: "auto" | Dtype | { vision?: Dtype; text?: Dtype };
  /**
   * Whether the work is done in a worker of the model's own, so that the page never waits, or on the calling thread. Where
   * there are no workers (Node), it is always the calling thread.
   * @default true
   */
  worker?: boolean;
  /**
   * `"opfs"`: what comes from a URL is kept in the origin's private file system (where that cannot be written, as on a
   * page's own thread, in its Cache API), so that the next load needs no network. Files are compared with the server's by
   * one HEAD request each, if the server can be reached. `false`: nothing is stored.
   * @default "opfs"
   */
  cache?: "opfs" | false;
  /**
   * Called as the load goes on.
   * @default none
   */
  onProgress?: (event: LoadProgress) => void;
  /**
   * Ends the load with an `AbortError` and frees what it holds.
   * @default none
   */
  signal?: AbortSignal;
  /**
   * Where `pali3_cpu_bg.wasm` and `pali3_webgpu_bg.wasm` are: their folder, or the address of each. Only the one that the
   * device needs is fetched.
   * @default "beside the package's own files"
   */
  wasmUrl?: string | URL | { cpu?: string | URL; webgpu?: string | URL };
  /**
   * Where `worker.js` is: for bundlers that do not know `new Worker(new URL(…))`.
   * @default "beside the package's own files"
   */
  workerUrl?: string | URL;
}

/** What is known of a loaded model; `kind` tells the kinds apart. */
export type ModelInfo = Pali3Info | T5Info | SiglipInfo;

/** What is known of a model of any kind. */
export interface CommonInfo {
  /** Parameters of the whole model. */
  readonly parameters: number;
  /** Form of each part's matrices on the device; `"f16"`: halves in the file, computed on as 32-bit floats. */
  readonly dtypes: Readonly<Record<string, Dtype | "f16">>;
  /** Entries of the vocabulary. */
  readonly vocabularySize: number;
  /** Whether `embed` and `similarity` work: the checkpoint has SigLIP's two towers. */
  readonly embeddings: boolean;
}

/** What is known of the pictures that a model takes. */
export interface PictureInfo {
  /** Width and height of a picture as the model sees it, in pixels. */
  readonly imageSize: readonly [number, number];
  /** Rows and columns of patches that a picture of that size becomes. */
  readonly patchGrid: readonly [number, number];
  /** Tokens that a picture becomes. */
  readonly visualTokens: number;
}

/** A model that answers questions about pictures, and without. */
export interface Pali3Info extends CommonInfo, PictureInfo {
  readonly kind: "pali3";
  readonly embeddings: false;
}

/** A language model alone (T5, T5 1.1, Flan-T5, UL2, mT5): it answers, and takes no pictures. */
export interface T5Info extends CommonInfo {
  readonly kind: "t5";
  readonly embeddings: false;
}

/** SigLIP's two towers: they embed pictures and texts, and answer nothing. */
export interface SiglipInfo extends CommonInfo, PictureInfo {
  readonly kind: "siglip";
  readonly embeddings: true;
  /** Numbers in an embedding. */
  readonly embeddingSize: number;
  /** SigLIP's logarithm of the factor of a cosine, and what is added to the product, for `similarity`. */
  readonly logitScale: number;
  readonly logitBias: number;
}

/** Bytes held by a model. */
export interface MemoryUse {
  /** WebAssembly's memory, which never shrinks: its size is its peak. Models on one thread (`worker: false`) share it. */
  wasm: number;
  /** In use on the GPU by the model and its encoded pictures; 0 on the CPU. */
  device: number;
  /** Taken from the GPU: what is in use, and what is kept for the next call. */
  deviceReserved: number;
}

/** Pixels as they are, rows from the top: `4 * width * height` bytes of red, green, blue and alpha. `ImageData` is one. */
export interface PixelData {
  readonly data: Uint8ClampedArray | Uint8Array;
  readonly width: number;
  readonly height: number;
}

/**
 * Anything that a browser can decode, the URL of it, or pixels. Orientation from EXIF is applied; transparency goes over
 * white. Where nothing decodes pictures (Node), pixels alone.
 */
export type ImageInput =
  | Blob
  | File
  | ImageBitmap
  | HTMLImageElement
  | HTMLVideoElement
  | VideoFrame
  | HTMLCanvasElement
  | OffscreenCanvas
  | ImageData
  | PixelData
  | string
  | URL;

/** A picture that a question is about: an encoded one, or any other, which is encoded for this call and freed after it. */
export type Picture = EncodedImage | ImageInput;

/** What is asked. */
export interface Question {
  /**
   * The picture, or several, which stand in front of the prompt in their order. One that is asked about more than once is
   * better encoded once, by `encodeImage`. Without any, the model sees only the prompt.
   * @default none
   */
  image?: Picture | readonly Picture[] | null;
  /**
   * The same for several; `image` has to be left out then.
   * @default none
   */
  images?: readonly Picture[] | null;
  /**
   * The question. It may be empty, for models that caption without one.
   * @default ""
   */
  prompt?: string;
  /**
   * Stops the call with an `AbortError`.
   * @default none
   */
  signal?: AbortSignal;
}

/** Defaults are those of HF `transformers`, unless the folder's `generation_config.json` says otherwise. */
export interface GenerateOptions extends Question {
  /**
   * Most tokens to generate.
   * @default 20
   */
  maxNewTokens?: number;
  /**
   * Tokens to generate before the end is allowed.
   * @default 0
   */
  minNewTokens?: number;
  /**
   * Beams; 1 means no beam search.
   * @default 1
   */
  numBeams?: number;
  /**
   * Draw tokens at random; implied by `temperature`, `topK` and `topP`.
   * @default false
   */
  doSample?: boolean;
  /**
   * Divides the scores before sampling; above 0.
   * @default 1
   */
  temperature?: number;
  /**
   * Sample among this many most probable tokens; 0 means all.
   * @default 50
   */
  topK?: number;
  /**
   * Sample among the most probable tokens whose probabilities add up to this; 0 to 1.
   * @default 1
   */
  topP?: number;
  /**
   * The same seed draws the same numbers, here and natively.
   * @default 0
   */
  seed?: number;
  /**
   * Divides the score of every token already in the sequence; above 0.
   * @default 1
   */
  repetitionPenalty?: number;
  /**
   * No sequence of this many tokens may occur twice; 0 means no limit.
   * @default 0
   */
  noRepeatNgramSize?: number;
  /**
   * Exponent of the length that divides a beam's score.
   * @default 1
   */
  lengthPenalty?: number;
  /**
   * When beam search stops.
   * @default false
   */
  earlyStopping?: boolean | "never";
  /**
   * Sequences to return: at most as many as beams, or any number of samples.
   * @default 1
   */
  numReturnSequences?: number;
  /**
   * Texts at which to stop; not part of the result.
   * @default []
   */
  stop?: string | readonly string[];
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
  /** The end token, a stop text, `maxNewTokens`, or the last reader leaving its loop. */
  finishReason: "eos" | "stop" | "length" | "left";
}

export interface GenerationResult {
  /** Text, tokens and score of the best sequence. */
  text: string;
  tokenIds: number[];
  score: number;
  sequences: Sequence[];
  /**
   * Milliseconds from the moment the model takes up this call to its first token, and to its end. Pictures that are encoded
   * for this call are part of both.
   */
  timings: { firstToken: number; total: number };
}

/**
 * A generation to be read as it comes. It runs from the moment of the call; any number of loops may read it, each of which
 * gets all pieces. When the last loop is left by `break`, it stops.
 */
export interface GenerationStream extends AsyncIterable<Piece> {
  /** The whole, when it has ended; what had come by then, if all loops were left. */
  readonly result: Promise<GenerationResult>;
}

export interface ScoreOptions extends Question {
  /** Candidate answers. */
  targets: readonly string[];
}

/** How likely the model finds one candidate. */
export interface TargetScore {
  text: string;
  tokenIds: number[];
  /** Log-probability of each token after those before it; the closing end token is one of them. */
  logprobs: number[];
  /** Their sum: the logarithm of the probability of exactly this answer. */
  score: number;
}

export interface AttentionOptions extends Question {
  /** The answer's tokens, as `generate` gave them. */
  tokenIds: readonly number[];
}

/** Where the decoder looked: its cross-attention, averaged over layers and heads. The shares of one token add up to 1. */
export interface Gaze {
  /** For each picture, the share of each patch, row by row from the top: `rows * columns` numbers. */
  images: Float32Array[];
  /** The share of the whole prompt. */
  prompt: number;
}

export interface TokenGaze extends Gaze {
  tokenId: number;
  /** What the token adds to the answer. */
  text: string;
}

export interface Attention {
  /** Patches of each picture. */
  grids: { rows: number; columns: number }[];
  tokens: TokenGaze[];
  /** Average over the tokens that have a text. */
  mean: Gaze;
}

/** What `selfTest` compared: results of this device with those that the model folder has on record. */
export interface SelfTest {
  /** Whether every check is within its tolerance. */
  ok: boolean;
  checks: { name: string; largestError: number; tolerance: number; ok: boolean }[];
}

/** A model folder that is stored in this browser. */
export interface StoredModel {
  /** URL of the folder. */
  source: string;
  /** Bytes stored. */
  bytes: number;
  /** Bytes of the whole folder. What no load has read is not stored. */
  total: number;
  /** Whether a load has run to its end, and all that it read is stored: then it needs no network any more. */
  complete: boolean;
  /** When it was last loaded. */
  used: Date;
}

/** What `load` has stored of this origin. */
export interface StoredModels {
  list(): Promise<StoredModel[]>;
  /** Bytes of all models. */
  size(): Promise<number>;
  /** Removes one model; `false` where there was none. */
  delete(source: string | URL): Promise<boolean>;
  clear(): Promise<void>;
  /** Asks the browser not to remove it when the disk is full. Whether it agreed. */
  persist(): Promise<boolean>;
}

/**
 * What an error is about; stable, for programs to go by. Each has a class of its own.
 *
 * - `NotFound`: a file or the model folder is not there
 * - `Io`: a file could not be read, or has changed on the disk
 * - `Network`: a request failed or was cut off, and further tries as well
 * - `Integrity`: a file is truncated or corrupt, or was replaced on the server meanwhile
 * - `UnsupportedModel`: the folder holds a model, tensor or setting that this package does not run, or the model lacks
 *   what was asked of it
 * - `InvalidInput`: the picture, the prompt or an argument cannot be used
 * - `InvalidOption`: an option is unknown or out of range
 * - `WebGPUUnavailable`: there is no WebGPU, or it does not take this model, and `device: "webgpu"` was asked for
 * - `DeviceLost`: the GPU reported an error or went away; the next call starts the model anew by itself
 * - `OutOfMemory`: WebAssembly or the GPU has no more memory; the next call starts the model anew by itself
 * - `Quota`: the browser gives no room for what was to be stored
 * - `Aborted`: the `signal` fired. As everywhere on the web, the error's `name` is `"AbortError"`
 * - `Internal`: the WebAssembly module or its worker stopped; the next call starts the model anew by itself
 * - `NotFinite`: the model computed numbers that are none: its weights are broken, or the input is absurd
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
  | "OutOfMemory"
  | "Quota"
  | "Aborted"
  | "Internal"
  | "NotFinite";

/** What every call throws or rejects with. The message says what was expected, what was found, and what to do next. */
export class Pali3Error extends Error {
  protected constructor();
  readonly code: Pali3ErrorCode;
}
export class NotFoundError extends Pali3Error {}
export class IoError extends Pali3Error {}
export class NetworkError extends Pali3Error {}
export class IntegrityError extends Pali3Error {}
export class UnsupportedModelError extends Pali3Error {}
export class InvalidInputError extends Pali3Error {}
export class InvalidOptionError extends Pali3Error {}
export class WebGPUUnavailableError extends Pali3Error {}
export class DeviceLostError extends Pali3Error {}
export class OutOfMemoryError extends Pali3Error {}
export class QuotaError extends Pali3Error {}
export class AbortedError extends Pali3Error {}
export class InternalError extends Pali3Error {}
export class NotFiniteError extends Pali3Error {}
