// @ts-check
// Calls over a message port, in both directions: the page asks for a generation, the worker for a piece of a file that
// only the page can read. Whether the other side is in a worker or on the same thread makes no difference to either.
import { aborted, InternalError, InvalidInputError, Pali3Error, throwIfAborted } from "../errors.js";

/**
 * What is needed of a Worker, a MessagePort or a worker's own scope.
 * @typedef {object} Port
 * @property {(message: any, transfer?: Transferable[]) => void} postMessage
 * @property {((event: {data: any}) => void) | null} onmessage
 */

/**
 * What a handler can do besides giving a value.
 * @typedef {object} Context
 * @property {(event: any) => void} emit tells the caller something before the value is there
 * @property {AbortSignal} signal fires when the caller has lost interest
 */

/** @typedef {Record<string, (args: any, context: Context) => any>} Handlers */

/** A handler's value, together with what of it moves to the other side instead of being copied. */
export class Moved {
  /** @param {any} value @param {Transferable[]} transfer */
  constructor(value, transfer) {
    this.value = value;
    this.transfer = transfer;
  }
}

export class Channel {
  #port;
  #handlers;
  #last = 0;
  /** @type {Map<number, {done: (value: any) => void, failed: (error: Error) => void, emit: (event: any) => void}>} */
  #calls = new Map();
  /** What the other side waits for. @type {Map<number, AbortController>} */
  #serving = new Map();
  /** Why nothing goes through any more. @type {Pali3Error | null} */
  #closed = null;

  /** @param {Port} port @param {Handlers} handlers what the other side can call */
  constructor(port, handlers) {
    this.#port = port;
    this.#handlers = handlers;
    port.onmessage = ({ data }) => this.#receive(data);
  }

  /**
   * Calls a handler of the other side. When the signal fires, the promise rejects at once, and the other side is told.
   * @param {string} method @param {any} [args]
   * @param {{transfer?: Transferable[], onEvent?: (event: any) => void, signal?: AbortSignal}} [options]
   * @returns {Promise<any>}
   */
  async call(method, args, { transfer = [], onEvent = () => {}, signal } = {}) {
    throwIfAborted(signal);
    if (this.#closed) throw this.#closed;
    const call = ++this.#last;
    /** @type {() => void} */
    let unfollow = () => {};
    try {
      return await new Promise((done, failed) => {
        this.#calls.set(call, { done, failed, emit: onEvent });
        const stop = () => {
          this.#port.postMessage({ cancel: call });
          failed(aborted(signal?.reason));
        };
        signal?.addEventListener("abort", stop, { once: true });
        unfollow = () => signal?.removeEventListener("abort", stop);
        this.#port.postMessage({ call, method, args }, transfer);
      });
    } catch (thrown) {
      const uncloneable = /** @type {any} */ (thrown)?.name === "DataCloneError";
      if (uncloneable) throw new InvalidInputError(`${method}: what was given cannot leave this thread (${thrown})`, thrown);
      throw thrown;
    } finally {
      unfollow();
      this.#calls.delete(call);
    }
  }

  /** Calls without waiting for anything. @param {string} method @param {any} args */
  tell(method, args) {
    if (this.#closed === null) this.#port.postMessage({ call: 0, method, args });
  }

  /** Ends all calls with an error, and every later one. @param {Pali3Error} error */
  close(error) {
    this.#closed ??= error;
    this.#port.onmessage = null;
    for (const { failed } of this.#calls.values()) failed(error);
    for (const serving of this.#serving.values()) serving.abort();
  }

  /** @param {any} message */
  #receive(message) {
    if (message.method !== undefined) void this.#serve(message);
    else if (message.cancel !== undefined) this.#serving.get(message.cancel)?.abort();
    else {
      // Answers to calls that were given up find nobody.
      const call = this.#calls.get(message.to);
      if (message.event !== undefined) call?.emit(message.event);
      else if (message.error !== undefined) call?.failed(revived(message.error));
      else call?.done(message.value);
    }
  }

  /** @param {{call: number, method: string, args: any}} message */
  async #serve({ call, method, args }) {
    const serving = new AbortController();
    if (call !== 0) this.#serving.set(call, serving);
    /** @param {any} message @param {Transferable[]} [transfer] */
    const post = (message, transfer = []) => {
      if (call !== 0 && this.#closed === null) this.#port.postMessage({ to: call, ...message }, transfer);
    };
    try {
      const handler = this.#handlers[method];
      if (handler === undefined) throw new InternalError(`no such call: ${method}`);
      const result = await handler(args, { emit: (event) => post({ event }), signal: serving.signal });
      if (result instanceof Moved) post({ value: result.value }, result.transfer);
      else post({ value: result });
    } catch (thrown) {
      post({ error: told(Pali3Error.from(thrown)) });
    } finally {
      this.#serving.delete(call);
    }
  }
}

/**
 * What of an error crosses: a cause may hold anything, so that only its words do.
 * @param {Pali3Error} error
 */
function told({ code, message, cause }) {
  const inner = /** @type {any} */ (cause);
  return { code, message, cause: inner === undefined ? undefined : String(inner?.message ?? inner) };
}

/** @param {{code: string, message: string, cause?: string}} error */
function revived({ code, message, cause }) {
  return Pali3Error.of(code, message, cause === undefined ? undefined : new Error(cause));
}

/**
 * Two ports on one thread. Messages arrive in order and later, as they do between threads, but nothing is copied.
 * @returns {[Port, Port]}
 */
export function portPair() {
  /** @type {Port} */
  const a = { postMessage: (data) => deliver(b, data), onmessage: null };
  /** @type {Port} */
  const b = { postMessage: (data) => deliver(a, data), onmessage: null };
  /** @param {Port} port @param {any} data */
  const deliver = (port, data) => queueMicrotask(() => port.onmessage?.({ data }));
  return [a, b];
}
