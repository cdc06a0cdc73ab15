// Which model is loaded, and how a load goes: ask first, start, pause, resume, fail.
import { Pali3, type LoadProgress, type ModelSource } from "pali3";
import { isAbort } from "./errors.ts";

export type DeviceChoice = "auto" | "webgpu" | "cpu";

/** A model that can be loaded. */
export interface Choice {
  /** To be shown. */
  name: string;
  source: ModelSource;
  /** What `?model=` says for it; `null` for the shipped model, `undefined` where no address leads to it. */
  query?: string | null;
}

/** `asking`: nothing is fetched before the visitor agrees. */
export type State = "asking" | "loading" | "paused" | "ready" | "failed";

/** Folder that the build puts beside the page. */
export const SHIPPED: Choice = { name: "pali3-tiny-q4", source: new URL("models/pali3-tiny-q4/", document.baseURI), query: null };

/** A model folder at an address, which may be relative to the page. Throws where that is none. */
export function fromAddress(address: string): Choice {
  if (!URL.canParse(address, document.baseURI)) throw new Error(`“${address}” is not the address of a model folder.`);
  const url = new URL(address, document.baseURI);
  return { name: url.pathname.split("/").filter(Boolean).at(-1) ?? url.host, source: url, query: address };
}

export function isDevice(text: string | null): text is DeviceChoice {
  return text === "auto" || text === "webgpu" || text === "cpu";
}

/** Holds one model at most. Events: `state` whenever the state has changed, `progress` while a load is under way. */
export class Loader extends EventTarget {
  choice: Choice;
  device: DeviceChoice;
  state: State = "loading";
  /** The loaded model. */
  model: Pali3 | null = null;
  /** Why the load failed. */
  error: unknown = null;
  /** Milliseconds that the load took. */
  took = 0;
  /** The load's last event. */
  progress: LoadProgress | null = null;
  #abort = new AbortController();

  constructor(choice: Choice, device: DeviceChoice) {
    super();
    this.choice = choice;
    this.device = device;
  }

  /** Loads the chosen model in place of the one that is there. */
  async load(choice = this.choice, device = this.device): Promise<void> {
    this.#abort.abort();
    const mine = (this.#abort = new AbortController());
    const old = this.model;
    Object.assign(this, { choice, device, model: null, error: null, progress: null });
    this.#enter("loading");
    try {
      // First the old one's memory, then the new one's: two large models need not fit. One that is broken may fail to go.
      await old?.dispose().catch(() => {});
      const started = performance.now();
      const model = await Pali3.load(choice.source, { device, signal: mine.signal, onProgress: (event) => this.#progressed(mine, event) });
      if (mine !== this.#abort) return void model.dispose();
      this.took = performance.now() - started;
      this.model = model;
      this.#enter("ready");
    } catch (error) {
      // A pause, or a load that has come after this one.
      if (mine !== this.#abort || (mine.signal.aborted && isAbort(error))) return;
      this.error = error;
      this.#enter("failed");
    }
  }

  /**
   * Loads the model that the page's address names. One on another site may be any size: unless it is stored here already,
   * the visitor is asked first (`load` goes on).
   */
  async open(): Promise<void> {
    if (this.#isElsewhere() && !(await this.#isStored())) return this.#enter("asking");
    await this.load();
  }

  /** Ends with an error before anything was loaded. */
  fail(error: unknown): void {
    this.error = error;
    this.#enter("failed");
  }

  #isElsewhere(): boolean {
    const { source } = this.choice;
    return source instanceof URL && source.origin !== location.origin;
  }

  async #isStored(): Promise<boolean> {
    const href = String(this.choice.source).replace(/\/?$/, "/");
    const stored = await Pali3.cache.list().catch(() => []);
    return stored.some(({ source, complete }) => complete && source === href);
  }

  /** Ends the load. What has come is stored, so that `resume` goes on from there. */
  pause(): void {
    if (this.state !== "loading") return;
    this.#abort.abort();
    this.#enter("paused");
  }

  resume(): Promise<void> {
    return this.load();
  }

  /** The model, as soon as it is there. Rejects when `signal` fires or the load fails. */
  async ready(signal: AbortSignal): Promise<Pali3> {
    while (this.model === null) {
      if (this.state === "failed") throw this.error;
      await new Promise((resolve, reject) => {
        this.addEventListener("state", resolve, { once: true });
        signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      });
    }
    return this.model;
  }

  #enter(state: State): void {
    this.state = state;
    this.dispatchEvent(new Event("state"));
  }

  #progressed(mine: AbortController, event: LoadProgress): void {
    if (mine !== this.#abort || this.state !== "loading") return;
    this.progress = event;
    this.dispatchEvent(new Event("progress"));
  }
}
