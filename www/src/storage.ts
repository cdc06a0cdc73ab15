// What is stored in this browser, and how to get rid of it.
import { Pali3, type StoredModel } from "pali3";
import { byId, make } from "./dom.ts";
import { bytes } from "./words.ts";

const list = byId("stored", HTMLUListElement);
const note = byId("storage-note", HTMLElement);
const persist = byId("persist", HTMLButtonElement);
const clear = byId("clear", HTMLButtonElement);

/** Makes the buttons work. `refreshStored` fills the list. */
export function showStorage(): void {
  persist.addEventListener("click", () =>
    attempt(async () => {
      const agreed = await Pali3.cache.persist();
      return agreed ? "The browser keeps the models until you delete them." : "The browser does not promise it: on a full disk it may delete them.";
    }),
  );
  clear.addEventListener("click", () =>
    attempt(async () => {
      await Pali3.cache.clear();
      await refreshStored();
      return "Deleted.";
    }),
  );
}

/** Fills the list anew. */
export function refreshStored(): Promise<void> {
  return attempt(async () => {
    const models = await Pali3.cache.list();
    list.replaceChildren(...(models.length > 0 ? models.map(entry) : [make("li", { className: "quiet", textContent: "Nothing yet." })]));
    clear.hidden = persist.hidden = models.length === 0;
    return models.length > 1 ? `${bytes(await Pali3.cache.size())} in all.` : "";
  });
}

function entry({ source, bytes: size, complete, used }: StoredModel): HTMLLIElement {
  const name = new URL(source).pathname.split("/").filter(Boolean).at(-1) ?? source;
  const remove = make("button", { type: "button", className: "button small", textContent: "Delete" });
  remove.setAttribute("aria-label", `Delete ${name}`);
  remove.addEventListener("click", () =>
    attempt(async () => {
      await Pali3.cache.delete(source);
      await refreshStored();
      return `${name} is deleted.`;
    }),
  );
  const state = complete ? "works offline" : "not complete: loading it goes on from here";
  const facts = `${bytes(size)} · ${state} · last used ${used.toLocaleDateString("en", { dateStyle: "medium" })}`;
  const words = make("div", {}, make("p", { textContent: name, title: source }), make("p", { className: "quiet", textContent: facts }));
  return make("li", {}, words, remove);
}

async function attempt(work: () => Promise<string>): Promise<void> {
  try {
    note.textContent = await work();
  } catch (error) {
    note.textContent = error instanceof Error ? error.message : String(error);
  }
}
