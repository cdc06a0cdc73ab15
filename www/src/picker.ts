// The dialog in which model and device are chosen.
import type { Pali3 } from "pali3";
import { byId, closable, make, say } from "./dom.ts";
import { showError } from "./errors.ts";
import { fromAddress, isDevice, SHIPPED, type Choice, type Loader } from "./model.ts";
import { refreshStored, showStorage } from "./storage.ts";
import { bytes, count, duration } from "./words.ts";

const NO_WEBGPU =
  "This browser has no WebGPU, so the model runs on the processor (CPU). The answers are the same; a large model takes longer.";
const SOFTWARE = "WebGPU has no graphics card here, only a software adapter: the CPU is faster, and Automatic takes it.";

/** What this browser can do; see `Pali3.isSupported`. */
export type Support = Awaited<ReturnType<typeof Pali3.isSupported>>;

/** Makes the dialog work. Returns what loads files of a folder that came from elsewhere. */
export function pickModel(loader: Loader): (files: File[], name: string) => void {
  const dialog = byId("model-dialog", HTMLDialogElement);
  const folder = byId("folder", HTMLInputElement);
  const url = byId("url", HTMLInputElement);
  closable(dialog);
  showStorage();

  const load = (choice: Choice) => {
    dialog.close();
    remember("model", choice.query ?? null);
    void loader.load(choice);
  };

  byId("open-model", HTMLButtonElement).addEventListener("click", () => {
    dialog.showModal();
    void refreshStored();
    if (loader.model !== null) showFacts(loader, loader.model).catch(showError);
  });
  byId("use-shipped", HTMLButtonElement).addEventListener("click", () => load(SHIPPED));
  byId("use-folder", HTMLButtonElement).addEventListener("click", () => folder.click());
  folder.addEventListener("change", () => {
    const files = [...(folder.files ?? [])];
    folder.value = "";
    if (files.length > 0) fromFiles(files, files[0]?.webkitRelativePath.split("/")[0] || "your model");
  });
  byId("url-form", HTMLFormElement).addEventListener("submit", (event) => {
    event.preventDefault();
    const address = url.value.trim();
    const usable = address !== "" && URL.canParse(address, document.baseURI);
    url.setCustomValidity(usable ? "" : "The address of a folder is needed, as https://example.org/models/pali3/");
    // A folder's address ends with a slash, though visitors leave it out.
    if (url.reportValidity()) load(fromAddress(address.endsWith("/") ? address : `${address}/`));
  });
  url.addEventListener("input", () => url.setCustomValidity(""));

  for (const radio of devices()) {
    radio.checked = radio.value === loader.device;
    radio.addEventListener("change", () => {
      if (!isDevice(radio.value)) return;
      remember("device", radio.value === "auto" ? null : radio.value);
      // A model that the visitor has not agreed to yet is not fetched by that.
      if (loader.state === "asking") loader.device = radio.value;
      else void loader.load(loader.choice, radio.value);
    });
  }

  loader.addEventListener("state", () => {
    if (loader.model !== null && dialog.open) {
      showFacts(loader, loader.model).catch(showError);
      void refreshStored();
    } else if (loader.model === null) fill([["Model", loader.choice.name]]);
  });

  function fromFiles(files: File[], name: string): void {
    load({ name, source: { files } });
  }
  return fromFiles;
}

/** Says what the browser's graphics interface is good for here. */
export function showSupport({ webgpu, softwareAdapter }: Support): void {
  byId("device-note", HTMLElement).textContent = !webgpu ? NO_WEBGPU : softwareAdapter ? SOFTWARE : "Automatic takes WebGPU: the graphics card.";
  say(byId("webgpu-note", HTMLElement), webgpu ? "" : NO_WEBGPU);
  for (const radio of devices()) radio.disabled = radio.value === "webgpu" && !webgpu;
}

const devices = () => [...document.querySelectorAll<HTMLInputElement>('#devices input[type="radio"]')];

async function showFacts(loader: Loader, model: Pali3): Promise<void> {
  const { info } = model;
  const sees = info.kind === "t5" ? "no pictures: it reads the question alone" : `${info.imageSize.join(" × ")} pixels, ${info.visualTokens} patches`;
  const memory = await model.memory();
  fill([
    ["Model", `${loader.choice.name}, ${count(info.parameters)} parameters`],
    ["Weights", [...new Set(Object.values(info.dtypes))].join(", ")],
    ["Sees", sees],
    ["Runs on", model.device === "webgpu" ? "WebGPU" : "the CPU"],
    ["Memory", `${bytes(memory.wasm)} WebAssembly${memory.device > 0 ? `, ${bytes(memory.device)} graphics` : ""}`],
    ["Loaded in", `${duration(loader.took)}${model.cached ? ", stored for use offline" : ""}`],
  ]);
}

function fill(facts: [string, string][]): void {
  const rows = facts.flatMap(([name, fact]) => [make("dt", { textContent: name }), make("dd", { textContent: fact })]);
  byId("facts", HTMLElement).replaceChildren(...rows);
}

/** Keeps a choice in the page's address, so that it can be passed on. */
function remember(name: string, value: string | null): void {
  const address = new URL(location.href);
  if (value === null) address.searchParams.delete(name);
  else address.searchParams.set(name, value);
  history.replaceState(null, "", address);
}
