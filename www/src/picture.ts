// The picture that is asked about: where it comes from, how it is shown, and its encoding.
import type { EncodedImage, Pali3 } from "pali3";
import { byId } from "./dom.ts";
import { showError } from "./errors.ts";

/** A question whose answer is known. */
export interface Known {
  question: string;
  answer: string;
}

export interface Picture {
  blob: Blob;
  /** Object URL of the blob. */
  url: string;
  /** What is known about it: the sample pictures come with questions. */
  known: readonly Known[];
  /** Its encoding by one model. */
  encoded: { by: Pali3; image: EncodedImage } | null;
}

/** Shows one picture at a time. Event `change`: there is another one. */
export class Viewer extends EventTarget {
  picture: Picture | null = null;
  #turn = 0;
  #stage = byId("stage", HTMLElement);
  #image = byId("preview", HTMLImageElement);
  #hint = byId("hint", HTMLElement);

  /** Takes a picture. One that the browser cannot show is said to be so, and the one before stays. */
  async show(blob: Blob, { alt = "Your picture", known = [] }: { alt?: string; known?: readonly Known[] } = {}): Promise<void> {
    const turn = ++this.#turn;
    const url = URL.createObjectURL(blob);
    const probe = new Image();
    probe.src = url;
    try {
      await probe.decode();
    } catch {
      URL.revokeObjectURL(url);
      const name = blob instanceof File ? blob.name : "what was given";
      return showError(`That cannot be used: ${name} is not a picture that this browser can read`);
    }
    // Another one was chosen meanwhile.
    if (turn !== this.#turn) return URL.revokeObjectURL(url);
    this.#forget();
    this.picture = { blob, url, known, encoded: null };
    this.#image.src = url;
    this.#image.alt = alt;
    this.#image.hidden = false;
    this.#image.classList.toggle("small", probe.naturalWidth <= 300);
    this.#hint.hidden = true;
    this.dispatchEvent(new Event("change"));
  }

  /** Width divided by height, as shown. */
  get aspect(): number {
    return this.#image.naturalWidth / this.#image.naturalHeight || 1;
  }

  /** Marks the place where a picture can be dropped. */
  set over(over: boolean) {
    this.#stage.classList.toggle("over", over);
  }

  #forget(): void {
    if (this.picture === null) return;
    URL.revokeObjectURL(this.picture.url);
    this.picture.encoded?.image.dispose();
  }
}

/**
 * The picture as `model` sees it: encoded once, however many questions are asked; `null` for a model that takes no pictures.
 * `took` is 0 where there was nothing to do.
 */
export async function encoded(picture: Picture, model: Pali3, signal: AbortSignal): Promise<{ image: EncodedImage | null; took: number }> {
  if (model.info.kind === "t5") return { image: null, took: 0 };
  if (picture.encoded?.by === model) return { image: picture.encoded.image, took: 0 };
  const started = performance.now();
  const image = await model.encodeImage(picture.blob, { signal });
  picture.encoded = { by: model, image };
  return { image, took: performance.now() - started };
}
