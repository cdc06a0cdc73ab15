// What went wrong, in plain words.
import { Pali3Error, type Pali3ErrorCode } from "pali3";
import { announce, byId, make } from "./dom.ts";

const box = byId("error", HTMLElement);

/** What each kind of error means to whoever looks at the page. */
const PLAIN: Record<Pali3ErrorCode, string> = {
  NotFound: "A file is missing",
  Io: "A file could not be read",
  Network: "The connection failed",
  Integrity: "A file of the model is damaged",
  UnsupportedModel: "This model cannot do that here",
  InvalidInput: "That cannot be used",
  InvalidOption: "That setting cannot be used",
  WebGPUUnavailable: "WebGPU does not work here: choose the CPU instead",
  DeviceLost: "The graphics processor gave up: ask again, and the model starts anew, or choose the CPU",
  OutOfMemory: "The memory is full: close other tabs, or take a smaller model",
  Quota: "The browser gives no more room for models: delete one that is stored",
  Aborted: "Stopped",
  Internal: "Something broke inside: ask again, and the model starts anew",
  NotFinite: "The model computes no numbers: its weights are broken",
};

/** Whether somebody has stopped it, which is no error to show. */
export const isAbort = (error: unknown): boolean =>
  error instanceof Error && error.name === "AbortError";

/** Shows an error, or a text of the page's own. */
export function showError(error: unknown): void {
  if (isAbort(error)) return;
  if (error instanceof Pali3Error) {
    box.dataset.code = error.code;
    box.replaceChildren(make("b", { textContent: `${PLAIN[error.code]}.` }), " ", make("span", { textContent: error.message }));
  } else {
    delete box.dataset.code;
    box.textContent = error instanceof Error ? error.message : String(error);
  }
  box.hidden = false;
}

export function clearError(): void {
  box.hidden = true;
  box.textContent = "";
  delete box.dataset.code;
  announce("");
}
