// The answer's words as buttons, each of which shows where the model looked for it.
import type { Attention, TokenGaze } from "pali3";
import { byId, make, showFigures } from "./dom.ts";
import { average, draw, place, type Heat } from "./heatmap.ts";
import { percent } from "./words.ts";

interface Word {
  text: string;
  heat: Heat;
  /** Share of the question. */
  prompt: number;
}

/** Tokens are parts of words: those up to the next space belong together. */
export function wordsOf(attention: Attention): { text: string; tokens: TokenGaze[] }[] {
  const words: { text: string; tokens: TokenGaze[] }[] = [];
  for (const token of attention.tokens) {
    if (token.text === "") continue;
    const last = words.at(-1);
    if (last === undefined || /^\s/.test(token.text) || /\s$/.test(last.text)) words.push({ text: token.text, tokens: [token] });
    else {
      last.text += token.text;
      last.tokens.push(token);
    }
  }
  return words;
}

/** Shows the map of the word that is pointed at, else of the one that was chosen, else of the whole answer. */
export class GazeView {
  #canvas = byId("heat", HTMLCanvasElement);
  #row = byId("gaze", HTMLElement);
  #note = byId("gaze-note", HTMLElement);
  #toggle = byId("gaze-toggle", HTMLButtonElement);
  #answer = byId("answer", HTMLElement);
  #whole: Word | null = null;
  #words: Word[] = [];
  #buttons: HTMLButtonElement[] = [];
  #pointed: number | null = null;
  #chosen: number | null = null;
  #on = true;
  #aspect: () => number;

  /** @param aspect gives the picture's width divided by its height */
  constructor(aspect: () => number) {
    this.#aspect = aspect;
    this.#toggle.addEventListener("click", () => {
      this.#on = !this.#on;
      if (!this.#on) this.#chosen = null;
      this.#refresh();
    });
    addEventListener("keydown", ({ key }) => {
      if (key !== "Escape" || this.#chosen === null) return;
      this.#chosen = null;
      this.#refresh();
    });
  }

  /** Puts the answer's words in place of its text. */
  show(attention: Attention): void {
    const [grid] = attention.grids;
    const [mean] = attention.mean.images;
    if (grid === undefined || mean === undefined) return;
    const heat = (shares: Float32Array): Heat => ({ shares, ...grid });
    this.#whole = { text: "", heat: heat(mean), prompt: attention.mean.prompt };
    this.#words = wordsOf(attention).map(({ text, tokens }) => ({
      text,
      heat: heat(average(tokens.map(({ images }) => images[0] ?? new Float32Array()))),
      prompt: tokens.reduce((sum, token) => sum + token.prompt, 0) / tokens.length,
    }));
    this.#buttons = this.#words.map(({ text }, index) => this.#button(text.trim(), index));
    this.#answer.replaceChildren(...this.#buttons.flatMap((button, index) => (index > 0 ? [" ", button] : [button])));
    this.#row.hidden = false;
    this.#refresh();
  }

  /** Removes map and buttons. */
  clear(): void {
    this.#whole = this.#pointed = this.#chosen = null;
    this.#words = [];
    this.#buttons = [];
    this.#row.hidden = true;
    draw(this.#canvas, null, 1);
  }

  #button(text: string, index: number): HTMLButtonElement {
    const button = make("button", { type: "button", className: "word", textContent: text });
    const point = (at: number | null) => () => {
      this.#pointed = at;
      this.#refresh();
    };
    button.addEventListener("pointerenter", ({ pointerType }) => pointerType === "mouse" && point(index)());
    button.addEventListener("pointerleave", point(null));
    button.addEventListener("focus", () => button.matches(":focus-visible") && point(index)());
    button.addEventListener("blur", point(null));
    button.addEventListener("click", () => {
      this.#chosen = this.#chosen === index ? null : index;
      this.#refresh();
    });
    return button;
  }

  #refresh(): void {
    const index = this.#pointed ?? this.#chosen;
    const shown = index === null ? (this.#on ? this.#whole : null) : (this.#words[index] ?? null);
    this.#buttons.forEach((button, at) => button.setAttribute("aria-pressed", String(at === this.#chosen)));
    this.#toggle.setAttribute("aria-pressed", String(this.#on));
    draw(this.#canvas, shown?.heat ?? null, this.#aspect());
    if (shown === null) {
      this.#note.textContent = "Point at a word, or tap it.";
      return;
    }
    const what = index === null ? "most at the" : `“${shown.text.trim()}”: most at the`;
    showFigures(this.#note, [
      [what, place(shown.heat)],
      // The rest was on the question.
      ["on the picture", percent(1 - shown.prompt)],
    ]);
  }
}
