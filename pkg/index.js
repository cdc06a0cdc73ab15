// @ts-check
// PaLI-3 in the browser: a picture and a question in, text out. Types and documentation are in index.d.ts.
export { EncodedImage } from "./lib/api/image.js";
export { Pali3 } from "./lib/api/model.js";
export {
  AbortedError,
  DeviceLostError,
  IntegrityError,
  InternalError,
  InvalidInputError,
  InvalidOptionError,
  IoError,
  NetworkError,
  NotFiniteError,
  NotFoundError,
  OutOfMemoryError,
  Pali3Error,
  QuotaError,
  UnsupportedModelError,
  WebGPUUnavailableError,
} from "./lib/errors.js";
