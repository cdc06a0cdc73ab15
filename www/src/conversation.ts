// A question, its answer as it comes, and what was asked before.
import type { Pali3 } from "pali3";
import { announce, byId, make, say, showFigures } from "./dom.ts";
import { clearError, showError } from "./errors.ts";
import type { GazeView } from "./gaze.ts";
import type { Loader } from "./model.ts";
import { encoded, type Picture, type Viewer } from "./picture.ts";
import { duration, percent } from "./words.ts";

/** An answer of more characters than this is set smaller. */
const LONG = 60;

export class Conversation {
  #loader: Loader;
  #viewer: Viewer;
  #gaze: GazeView;
  #asking: AbortController | null = null;
  /** Whether the model is at work, and not waited for. */
  #running = false;
  #question = byId("question", HTMLInputElement);
  #answer = byId("answer", HTMLElement);
  #expected = byId("expected", HTMLElement);
  #timings = byId("timings", HTMLElement);
  #askButton = byId("ask", HTMLButtonElement);
  #stopButton = byId("stop", HTMLButtonElement);
  #earlier = byId("earlier", HTMLDetailsElement);
  #earlierList = byId("earlier-list", HTMLOListElement);
  /** The answer on show, to be put among the earlier ones. */
  #last: { prompt: string; text: string } | null = null;

  constructor(loader: Loader, viewer: Viewer, gaze: GazeView) {
    this.#loader = loader;
    this.#viewer = viewer;
    this.#gaze = gaze;
    byId("form", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      void this.ask();
    });
    this.#stopButton.addEventListener("click", () => {
      this.#asking?.abort();
      this.#question.focus();
    });
    viewer.addEventListener("change", () => this.#restart());
    loader.addEventListener("state", () => {
      // An answer under way goes down with its model. One that waits for the model goes on waiting.
      if (loader.state === "loading" && this.#running) this.#asking?.abort();
    });
  }

  /** Asks what the box says about the picture that is shown. */
  async ask(): Promise<void> {
    if (this.#asking !== null) return;
    clearError();
    const prompt = this.#question.value.trim();
    const { picture } = this.#viewer;
    if (picture === null) return showError("Choose a picture first.");
    if (prompt === "") return showError("Type a question first.");

    const asking = (this.#asking = new AbortController());
    this.#clear();
    this.#refresh();
    try {
      if (this.#loader.model === null) this.#timings.textContent = "Asked as soon as the model is here.";
      const model = await this.#loader.ready(asking.signal);
      if (model.info.kind === "siglip") throw new Error("This model answers no questions: it compares pictures with labels, as below.");
      this.#running = true;
      await this.#run(model, picture, prompt, asking.signal);
    } catch (error) {
      if (asking.signal.aborted) this.#timings.textContent = "Stopped.";
      else {
        this.#timings.textContent = "";
        picture.encoded = null;
        showError(error);
      }
    } finally {
      this.#asking = null;
      this.#running = false;
      this.#refresh();
    }
  }

  async #run(model: Pali3, picture: Picture, prompt: string, signal: AbortSignal): Promise<void> {
    const blind = model.info.kind === "t5";
    this.#timings.textContent = blind || picture.encoded?.by === model ? "Answering" : "Looking at the picture";
    const { image, took } = await encoded(picture, model, signal);
    const answer = model.stream({ image, prompt, signal });
    for await (const { text } of answer) {
      this.#answer.append(text);
      this.#answer.classList.toggle("long", (this.#answer.textContent?.length ?? 0) > LONG);
    }
    const { text, tokenIds, score, timings } = await answer.result;
    this.#last = { prompt, text };
    if (text === "") this.#answer.textContent = "(an empty answer)";
    announce(`Answer: ${text}`);
    if (blind) say(this.#expected, "This model takes no pictures: it read the question alone.");
    else this.#compare(picture, prompt, text);
    const figures: [string, string][] = [
      ...(took > 0 ? [["picture", duration(took)] as [string, string]] : []),
      ["first word", duration(timings.firstToken)],
      ["answer", duration(timings.total)],
      ["on", model.device === "webgpu" ? "WebGPU" : "the CPU"],
      ["probability", percent(Math.exp(score))],
    ];
    showFigures(this.#timings, figures);
    if (tokenIds.length > 0) this.#gaze.show(await model.attention({ image, prompt, tokenIds, signal }));
  }

  /** Beside a drawing whose answers are on record, says what is right. */
  #compare({ known }: Picture, prompt: string, text: string): void {
    const record = known.find(({ question }) => question === prompt);
    if (record === undefined) return;
    const right = record.answer === text.trim();
    say(this.#expected, `${right ? "Right" : "Wrong"}: the drawing's record says ${record.answer}${right ? ", too" : ""}.`);
  }

  /** There is another picture: nothing of what was said is about it. */
  #restart(): void {
    this.#asking?.abort();
    this.#last = null;
    this.#clear();
    // Why there is no model still holds.
    if (this.#loader.state !== "failed") clearError();
    this.#earlier.hidden = true;
    this.#earlierList.replaceChildren();
    this.#suggest();
  }

  #clear(): void {
    if (this.#last !== null) {
      const { prompt, text } = this.#last;
      this.#earlierList.prepend(make("li", {}, make("span", { textContent: prompt }), make("b", { textContent: text })));
      this.#earlier.hidden = false;
      this.#last = null;
    }
    this.#gaze.clear();
    this.#answer.textContent = this.#timings.textContent = "";
    this.#answer.classList.remove("long");
    say(this.#expected, "");
  }

  #suggest(): void {
    const buttons = (this.#viewer.picture?.known ?? []).map(({ question }) => {
      const button = make("button", { type: "button", textContent: question });
      button.addEventListener("click", () => {
        this.#question.value = question;
        this.#question.dispatchEvent(new Event("input"));
        void this.ask();
      });
      return button;
    });
    byId("suggestions", HTMLElement).replaceChildren(...buttons);
  }

  #refresh(): void {
    const busy = this.#asking !== null;
    this.#askButton.hidden = busy;
    this.#stopButton.hidden = !busy;
    this.#answer.setAttribute("aria-busy", String(busy));
  }
}
