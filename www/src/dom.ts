// Small helpers for the document.

/** The element of that id, which has to be of that class: a page and a script that do not fit each other fail at once. */
export function byId<T extends HTMLElement>(id: string, type: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new TypeError(`#${id}: expected a ${type.name}, found ${found?.constructor.name ?? "nothing"}`);
  return found;
}

/** A new element with properties and children. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Partial<HTMLElementTagNameMap[K]> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** Shows a text, or hides the element where there is none. */
export function say(element: HTMLElement, text: string): void {
  element.textContent = text;
  element.hidden = text === "";
}

/** Shows numbers with their names, in a row that breaks between them only. */
export function showFigures(element: HTMLElement, figures: readonly (readonly [name: string, figure: string])[]): void {
  const parts = figures.map(([name, figure]) => make("span", {}, `${name} `, make("b", { textContent: figure })));
  element.replaceChildren(...parts.flatMap((part) => [part, " "]));
}

/** Tells those who do not see the page what has happened. */
export function announce(text: string): void {
  byId("live", HTMLElement).textContent = text;
}

/** Makes a dialog close by its button and by a click beside it. */
export function closable(dialog: HTMLDialogElement): void {
  dialog.addEventListener("click", ({ target }) => {
    if (target === dialog || (target instanceof HTMLElement && "close" in target.dataset)) dialog.close();
  });
}
