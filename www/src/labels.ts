// Which of the visitor's labels fits the picture.
import type { Pali3 } from "pali3";
import { announce, byId, make } from "./dom.ts";
import { clearError, showError } from "./errors.ts";
import type { Loader } from "./model.ts";
import { encoded, type Picture, type Viewer } from "./picture.ts";
import { percent } from "./words.ts";

/** What the visitor finds in the box: answers that the shipped model knows. */
const FIRST = ["red", "orange", "yellow", "green", "blue", "purple"];

interface Bar {
  label: string;
  /** 0 to 1. */
  probability: number;
}

export class Labels {
  #loader: Loader;
  #viewer: Viewer;
  #comparing: AbortController | null = null;
  /** Whether the model is at work, and not waited for. */
  #running = false;
  #box = byId("labels", HTMLTextAreaElement);
  #button = byId("compare", HTMLButtonElement);
  #bars = byId("bars", HTMLElement);
  #kind = byId("labels-kind", HTMLElement);
  #question = byId("question", HTMLInputElement);

  constructor(loader: Loader, viewer: Viewer) {
    this.#loader = loader;
    this.#viewer = viewer;
    this.#box.value = FIRST.join("\n");
    byId("labels-form", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.#comparing === null) void this.compare();
      else this.#comparing.abort();
    });
    // A result belongs to its picture, question and labels.
    for (const [target, type] of [[viewer, "change"], [this.#question, "input"], [this.#box, "input"]] as const) {
      target.addEventListener(type, () => this.#clear());
    }
    loader.addEventListener("state", () => {
      if (this.#running) this.#clear();
      this.#explain();
    });
    this.#explain();
  }

  async compare(): Promise<void> {
    clearError();
    const labels = [...new Set(this.#box.value.split("\n").map((line) => line.trim()).filter(Boolean))];
    const { picture } = this.#viewer;
    const prompt = this.#question.value.trim();
    if (picture === null) return showError("Choose a picture first.");
    if (labels.length === 0) return showError("Type a label or more, one a line.");
    const comparing = (this.#comparing = new AbortController());
    this.#button.textContent = "Stop";
    try {
      const model = await this.#loader.ready(comparing.signal);
      if (!model.info.embeddings && prompt === "") return showError("Type a question first: the labels are compared as answers to it.");
      this.#running = true;
      const bars = await (model.info.embeddings ? byEmbedding : byScore)(model, picture, labels, prompt, comparing.signal);
      this.#show(bars.sort((a, b) => b.probability - a.probability));
    } catch (error) {
      if (!comparing.signal.aborted) showError(error);
    } finally {
      this.#comparing = null;
      this.#running = false;
      this.#button.textContent = "Compare";
    }
  }

  #show(bars: Bar[]): void {
    this.#bars.replaceChildren(
      ...bars.map(({ label, probability }, index) => {
        const meter = make("progress", { id: `bar-${index}`, max: 1, value: probability });
        const figure = make("output", { className: "tabular", textContent: percent(probability) });
        return make("div", {}, make("label", { htmlFor: meter.id }, label, figure), meter);
      }),
    );
    this.#bars.hidden = false;
    if (bars[0]) announce(`${bars[0].label}: ${percent(bars[0].probability)}`);
  }

  #clear(): void {
    this.#comparing?.abort();
    this.#bars.hidden = true;
    this.#bars.replaceChildren();
    this.#explain();
  }

  /** Says what is compared, and what the numbers mean. */
  #explain(): void {
    const prompt = this.#question.value.trim();
    const asked = prompt === "" ? "the question above" : `“${prompt}”`;
    this.#kind.textContent = this.#loader.model?.info.embeddings
      ? "Picture and labels are compared by their embeddings. Each label stands by itself: the probabilities need not add up to 100 %."
      : `The labels are compared as answers to ${asked}. The probabilities are shares among these labels, and add up to 100 %.`;
  }
}

/** SigLIP: does this text belong to this picture? */
async function byEmbedding(model: Pali3, picture: Picture, labels: string[], _prompt: string, signal: AbortSignal): Promise<Bar[]> {
  const image = await model.embed(picture.blob, { signal });
  const texts = await model.embed(labels, { signal });
  return labels.map((label, index) => ({ label, probability: model.similarity(image, texts[index] ?? new Float32Array(image.length)) }));
}

/** PaLI: how likely is each label as the answer, among these? */
async function byScore(model: Pali3, picture: Picture, labels: string[], prompt: string, signal: AbortSignal): Promise<Bar[]> {
  const { image } = await encoded(picture, model, signal);
  const scores = await model.score({ image, prompt, targets: labels, signal });
  const best = Math.max(...scores.map(({ score }) => score));
  const weights = scores.map(({ score }) => Math.exp(score - best));
  const sum = weights.reduce((a, b) => a + b, 0);
  return labels.map((label, index) => ({ label, probability: (weights[index] ?? 0) / sum }));
}
