// @ts-check
// A model folder read through requests, piece by piece: a file of several GB never is in memory as a whole.
// Where the server knows Range requests, a piece is one request. Where it does not, the answer is the whole file: it
// stays open, and ascending pieces are cut out of it as it comes.
// Whatever is cut off goes on from the byte where it stopped.
import { IntegrityError, InvalidInputError, NotFoundError, Pali3Error } from "../errors.js";
import { isMissing, statusError, statusWords } from "../request.js";
import { Body } from "./body.js";
import { announcedLength, contentRange, Facts } from "./facts.js";
import { PATIENCE } from "./patience.js";
import { Interruption, PASSING, persistently, retryAfter } from "./retry.js";
import { Tally } from "./tally.js";
import { follow, untilAborted } from "./waiting.js";

/** @typedef {{start: number, end: number}} ByteRange `end` is the first byte after it */

/**
 * Where the answers come from.
 * @typedef {object} Transport
 * @property {(file: string) => string} describe full name of a file, for messages
 * @property {(file: string, range: ByteRange | undefined, signal: AbortSignal) => Promise<Response | null>} get null: no such file
 * @property {(file: string, signal: AbortSignal) => Promise<Response>} [head] the answer without its body
 */

/** What the crate reads a model through: its methods are called from WebAssembly. */
export class StreamedFolder {
  #transport;
  #tally;
  #patience;
  /** Ends every request, wait and stream: when the caller aborts, and at the end. */
  #abort = new AbortController();
  #signal = this.#abort.signal;
  /** @type {Map<string, Facts>} */
  #files = new Map();
  /**
   * A stream between two pieces. Only one is kept: browsers open few connections to one server, and the folder is
   * read file after file.
   * @type {{file: string, body: Body} | null}
   */
  #idle = null;
  #unfollow;

  /**
   * @param {Transport} transport
   * @param {{signal?: AbortSignal, progress?: import("./tally.js").OnProgress, patience?: import("./patience.js").Patience}} options
   */
  constructor(transport, { signal, progress = () => {}, patience = PATIENCE }) {
    this.#transport = transport;
    this.#tally = new Tally(progress);
    this.#patience = patience;
    this.#unfollow = follow(this.#abort, signal);
  }

  /** Ends what is still open. Nothing can be read after that. */
  close() {
    this.#unfollow();
    this.#idle = null;
    this.#abort.abort();
  }

  /** Bytes that are kept between two pieces. */
  get held() {
    return this.#idle?.body.held ?? 0;
  }

  /** Full name of a file, for messages. @param {string} file */
  describe(file) {
    return this.#transport.describe(file);
  }

  /**
   * The whole file, or null where there is none.
   * @param {string} file
   */
  async read(file) {
    /** @type {Uint8Array[]} */
    const chunks = [];
    const length = await this.#transfer(file, 0, Infinity, (chunk) => chunks.push(chunk));
    return length === null ? null : joined(chunks, length);
  }

  /**
   * Bytes in the file, or null where there is none.
   * @param {string} file
   * @param {import("./patience.js").Patience} [patience]
   */
  async size(file, patience = this.#patience) {
    const facts = this.#facts(file);
    if (facts.size !== null) return facts.size;
    const probed = await persistently(() => this.#probe(file), () => 0, this.#signal, patience);
    if (!probed) return null;
    // Neither asking for the head nor for a byte has told: the file has to be counted.
    if (facts.size === null) await this.#transfer(file, 0, Infinity, () => {});
    if (facts.size === 1 && this.#transport.head === undefined) {
      const problem = "ends after the one byte that was asked for; a Response with no more than the range needs status 206";
      throw new InvalidInputError(`${this.describe(file)}: ${problem}`);
    }
    return facts.size;
  }

  /** What tells the server's version of the file from others, once its size has been asked for. @param {string} file */
  version(file) {
    return this.#facts(file).version;
  }

  /**
   * Bytes `start..end` of the file.
   * @param {string} file @param {number} start @param {number} end
   * @param {(chunk: Uint8Array<ArrayBuffer>, at: number) => void} [each] sees the bytes as they come
   */
  async readRange(file, start, end, each) {
    if (end <= start) return new Uint8Array(0);
    const facts = this.#facts(file);
    const read = () => this.#piece(file, start, end, each);
    const piece = facts.streamed ? facts.turn.then(read) : read();
    facts.turn = piece.then(() => {}, () => {});
    return piece;
  }

  /**
   * @param {string} file @param {number} start @param {number} end
   * @param {(chunk: Uint8Array<ArrayBuffer>, at: number) => void} [each]
   */
  async #piece(file, start, end, each) {
    const bytes = new Uint8Array(end - start);
    let filled = 0;
    const length = await this.#transfer(file, start, end, (chunk) => {
      each?.(chunk, start + filled);
      bytes.set(chunk, filled);
      filled += chunk.length;
    });
    if (length === null) throw new NotFoundError(`${this.describe(file)}: not found`);
    return bytes;
  }

  /** @param {string} file */
  #facts(file) {
    // Names of shards come out of a downloaded index: they must stay inside the folder.
    if (file.includes("\\") || file.split("/").some((part) => part === "" || part === "." || part === "..")) {
      throw new IntegrityError(`file name ${JSON.stringify(file)} points out of the model folder`);
    }
    const facts = this.#files.get(file) ?? new Facts();
    this.#files.set(file, facts);
    return facts;
  }

  /**
   * Gives bytes `start..end` of the file to `take`, in order and each once, through all interruptions.
   * @param {string} file @param {number} start
   * @param {number} end Infinity: up to the end of the file
   * @param {(chunk: Uint8Array<ArrayBuffer>) => void} take
   * @returns {Promise<number | null>} the byte reached; null where there is no such file
   */
  async #transfer(file, start, end, take) {
    const facts = this.#facts(file);
    let at = start;
    const attempt = async () => {
      while (at < end) {
        const body = this.#taken(file, at) ?? (await this.#open(file, at, end));
        if (body === null) {
          if (at > start) throw new NotFoundError(`${this.describe(file)}: not found`);
          return null;
        }
        const before = at;
        try {
          for (let chunk; at < end && (chunk = await body.next(at, end)) !== null; ) {
            take(chunk);
            at += chunk.length;
            this.#tally.arrived(file, at, facts.size);
          }
          if (body.complete) await body.finish();
          else if (at === end) this.#keep(file, body);
        } catch (thrown) {
          body.close();
          throw thrown;
        }
        if (at === end) break;
        body.close();
        if (body.last || body.position === facts.size) {
          // Without an announced length, a clean end is the only sign of being complete, unless the size is known otherwise.
          if (body.position < (facts.size ?? 0)) throw new Interruption(`${body.what}: cut off`);
          facts.counted(body.what, body.position);
          if (end === Infinity && at === body.position) break;
          throw new IntegrityError(`${body.what}: ends at byte ${body.position}, before ${end === Infinity ? at : end}`);
        }
        // A server may give less than it was asked for. The next request asks for the rest.
        if (at === before) throw new Interruption(`${body.what}: an empty answer`);
      }
      return at;
    };
    return persistently(attempt, () => at, this.#signal, this.#patience);
  }

  /** The stream that was kept, if it can give the file from `at` on. @param {string} file @param {number} at */
  #taken(file, at) {
    if (this.#idle?.file !== file) return null;
    const { body } = this.#idle;
    this.#idle = null;
    if (body.position <= at) return body;
    body.close();
    return null;
  }

  /** @param {string} file @param {Body} body */
  #keep(file, body) {
    this.#idle?.body.close();
    this.#idle = { file, body };
    this.#facts(file).streamed = true;
  }

  /**
   * A body that gives the file from `at` on, perhaps after earlier bytes; null where there is no such file.
   * @param {string} file @param {number} at @param {number} end
   */
  async #open(file, at, end) {
    const what = this.describe(file);
    const facts = this.#facts(file);
    // Servers answer a request for a range without compressing: only then do the offsets hold.
    const last = end === Infinity ? facts.size : end;
    const range = last === null || last <= at || (at === 0 && end === Infinity) ? undefined : { start: at, end: last };
    const response = await this.#answer(what, () => this.#transport.get(file, range, this.#signal));
    if (response === null) return null;
    try {
      if (response.status === 416) throw new IntegrityError(`${what}: ends before byte ${last}`);
      if (!response.ok) throw statusError(what, response);
      const partial = response.status === 206;
      const length = announcedLength(response);
      if (!partial) {
        facts.note(what, response, length);
        return new Body(what, response, 0, length, true, this.#signal);
      }
      const start = range?.start ?? 0;
      const given = contentRange(response);
      facts.note(what, response, given?.total ?? null);
      if (given !== null && given.start !== start) {
        throw new IntegrityError(`${what}: asked for the bytes from ${start}, those from ${given.start} came`);
      }
      const until = given?.end ?? (length === null ? (range?.end ?? null) : start + length);
      return new Body(what, response, start, until, range === undefined, this.#signal);
    } catch (thrown) {
      release(response);
      throw thrown;
    }
  }

  /**
   * Finds out what there is to know of a file without reading it. False where there is no such file.
   * @param {string} file
   */
  async #probe(file) {
    const { head } = this.#transport;
    if (head !== undefined) {
      const what = this.describe(file);
      const response = await this.#answer(what, () => head.call(this.#transport, file, this.#signal));
      if (response === null) return false;
      if (response.ok) {
        const facts = this.#facts(file);
        facts.note(what, response, announcedLength(response));
        if (facts.size !== null) return true;
      }
      // Some servers know no HEAD at all: then the file itself tells.
    }
    const body = await this.#open(file, 0, 1);
    if (body === null) return false;
    // The whole file is for the first piece to use. Of one byte, only what was said with it matters.
    if (body.last) {
      this.#keep(file, body);
      return true;
    }
    try {
      await body.next(0, 1);
      if (body.complete) await body.finish();
    } finally {
      body.close();
    }
    return true;
  }

  /**
   * One answer that is worth looking at; null for a file that is not there.
   * @param {string} what @param {() => Promise<Response | null>} ask
   */
  async #answer(what, ask) {
    let response;
    try {
      response = await untilAborted(ask(), this.#signal, release);
    } catch (thrown) {
      if (thrown instanceof Pali3Error) throw thrown;
      throw new Interruption(`${what}: ${words(thrown)}`, thrown);
    }
    if (response !== null && !isMissing(response) && !PASSING.has(response.status)) return response;
    release(response);
    if (response === null || isMissing(response)) return null;
    throw new Interruption(`${what}: ${statusWords(response)}`, undefined, retryAfter(response.headers.get("Retry-After")));
  }
}

/** Gives a body that nobody reads back to the browser. @param {Response | null} response */
function release(response) {
  response?.body?.cancel().catch(() => {});
}

/** Node's fetch says what happened in the cause only. @param {any} thrown */
function words(thrown) {
  const inner = thrown?.cause?.message;
  return `${thrown?.message ?? thrown}${inner ? ` (${inner})` : ""}`;
}

/** @param {Uint8Array[]} chunks @param {number} length */
function joined(chunks, length) {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
