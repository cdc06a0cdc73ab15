// The demo page: a picture, a question, and the answer as it comes.
import { Pali3, Pali3Error } from "../pkg/index.js";

const byId = (id) => document.getElementById(id);
const page = Object.fromEntries(
  ["device", "drop", "preview", "hint", "file", "samples", "form", "question", "ask", "stop", "suggestions", "progress", "progress-text", "bar", "error", "answer", "expected", "status", "timings"].map((id) => [id, byId(id)]),
);
const query = new URLSearchParams(location.search);
const MODEL = new URL(query.get("model") ?? "models/pali3-tiny-q4/", location.href);

let model = null;
let loading = null;
/** The picture shown: what was given, and its encoding once that was asked for. */
let picture = null;
let asking = null;

/** What each kind of error means to whoever looks at the page. */
const PLAIN = {
  NotFound: "A file is missing",
  Io: "A file could not be read",
  Network: "The connection failed",
  Integrity: "A file of the model is damaged",
  UnsupportedModel: "This model cannot be run here",
  InvalidInput: "That cannot be used",
  InvalidOption: "That setting cannot be used",
  WebGPUUnavailable: "This browser has no WebGPU: choose the CPU instead",
  DeviceLost: "The graphics processor gave up: load again, or choose the CPU",
  Internal: "Something broke inside: the model has to be loaded again",
};

function showError(error) {
  if (error instanceof Pali3Error && error.code === "Aborted") return;
  page.error.textContent = error instanceof Pali3Error ? `${PLAIN[error.code]} (${error.message})` : String(error);
  page.error.dataset.code = error.code ?? "";
  page.error.hidden = false;
}

function clearError() {
  page.error.hidden = true;
  page.error.textContent = "";
  delete page.error.dataset.code;
}

const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

const progressWords = {
  download: ({ file, loaded, total }) => `Fetching ${file}: ${megabytes(loaded)} of ${megabytes(total)}`,
  upload: ({ loaded, total }) => `Moving weights to the device: ${megabytes(loaded)} of ${megabytes(total)}`,
  ready: () => "Ready",
};

function onProgress(event) {
  page["progress-text"].textContent = progressWords[event.phase](event);
  if (event.total > 0) {
    page.bar.max = event.total;
    page.bar.value = event.loaded;
  } else {
    page.bar.removeAttribute("value");
  }
}

async function load() {
  loading?.abort();
  const mine = (loading = new AbortController());
  asking?.abort();
  const old = model;
  model = null;
  refresh();
  clearError();
  page.status.textContent = "Loading the model";
  page.progress.hidden = false;
  try {
    await old?.dispose().catch(() => {});
    const started = performance.now();
    const loaded = await Pali3.load(MODEL, { device: page.device.value, onProgress, signal: mine.signal });
    if (mine !== loading) return void loaded.dispose();
    model = loaded;
    const device = model.device === "webgpu" ? "WebGPU" : "the CPU";
    page.status.textContent = `Runs on ${device} · ${(model.info.parameters / 1e6).toFixed(1)} million parameters · loaded in ${((performance.now() - started) / 1000).toFixed(1)} s`;
    page.status.dataset.device = model.device;
  } catch (error) {
    if (mine !== loading) return;
    page.status.textContent = "No model is loaded";
    showError(error);
  } finally {
    if (mine === loading) page.progress.hidden = true;
    refresh();
  }
}

function refresh() {
  page.ask.disabled = model === null || asking !== null;
  page.ask.hidden = asking !== null;
  page.stop.hidden = asking === null;
}

/** Takes a File, Blob or URL as the picture to ask about. */
function show(source, questions = []) {
  clearError();
  const url = typeof source === "string" ? source : URL.createObjectURL(source);
  if (picture?.url.startsWith("blob:")) URL.revokeObjectURL(picture.url);
  asking?.abort();
  picture = { source, url, questions, model: null, encoded: null };
  page.preview.onload = () => page.preview.classList.toggle("small", page.preview.naturalWidth < 160);
  page.preview.onerror = () => (page.preview.hidden = true);
  page.preview.src = url;
  page.preview.alt = typeof source === "string" ? "The sample picture" : `Your picture ${source.name ?? ""}`.trim();
  page.preview.hidden = false;
  page.hint.hidden = true;
  page.drop.classList.add("filled");
  page.answer.textContent = page.expected.textContent = page.timings.textContent = "";
  for (const button of page.samples.children) button.setAttribute("aria-pressed", String(button.dataset.url === url));
  suggest(questions.map(({ question }) => question));
}

function suggest(questions) {
  page.suggestions.replaceChildren(
    ...questions.map((question) => {
      const button = Object.assign(document.createElement("button"), { type: "button", textContent: question });
      button.addEventListener("click", () => {
        page.question.value = question;
        page.form.requestSubmit();
      });
      return button;
    }),
  );
}

async function ask() {
  if (model === null || asking !== null) return;
  clearError();
  page.answer.textContent = page.expected.textContent = page.timings.textContent = "";
  const prompt = page.question.value.trim();
  if (picture === null) return showError("Choose a picture first");
  if (prompt === "") return showError("Ask something about the picture");

  const mine = (asking = new AbortController());
  const about = picture;
  const { signal } = mine;
  refresh();
  try {
    // One picture is encoded once, however many questions are asked about it.
    if (about.model !== model) {
      const started = performance.now();
      const encoded = await model.encodeImage(about.source, { signal });
      Object.assign(about, { encoded, model, milliseconds: performance.now() - started });
    }
    const generation = model.generate({ image: about.encoded, prompt, signal });
    for await (const { text } of generation) page.answer.append(text);
    const { score, timings } = await generation;
    const known = about.questions.find(({ question }) => question === prompt);
    if (known) page.expected.textContent = `In the picture's own record: ${known.answer}`;
    const encoding = about.milliseconds === undefined ? [] : [`picture ${Math.round(about.milliseconds)} ms`];
    const answering = [`first token ${Math.round(timings.firstToken)} ms`, `answer ${Math.round(timings.total)} ms`];
    page.timings.textContent = [...encoding, ...answering, `probability ${(Math.exp(score) * 100).toFixed(1)} %`].join(" · ");
  } catch (error) {
    showError(error);
    if (error.code === "DeviceLost" || error.code === "Internal") {
      model = null;
      page.status.textContent = "The model has to be loaded again: choose where to compute";
    }
  } finally {
    if (asking === mine) asking = null;
    refresh();
  }
}

async function showSamples() {
  const response = await fetch("samples/samples.json").catch(() => null);
  if (!response?.ok) return;
  const samples = await response.json();
  page.samples.replaceChildren(
    ...samples.map(({ file, questions }, index) => {
      const url = new URL(`samples/${file}`, location.href).href;
      const button = document.createElement("button");
      button.type = "button";
      button.dataset.url = url;
      button.setAttribute("aria-label", `Sample picture ${index + 1}`);
      button.setAttribute("aria-pressed", "false");
      button.append(Object.assign(new Image(), { src: url, alt: "", loading: "lazy" }));
      button.addEventListener("click", () => show(url, questions));
      return button;
    }),
  );
  if (picture === null && samples.length > 0) page.samples.firstElementChild.click();
}

page.file.addEventListener("change", () => {
  if (page.file.files.length > 0) show(page.file.files[0]);
  page.file.value = "";
});
addEventListener("paste", ({ clipboardData }) => {
  const [file] = [...clipboardData.files].filter(({ type }) => type.startsWith("image/"));
  if (file) show(file);
});
for (const type of ["dragenter", "dragover", "dragleave", "drop"]) {
  addEventListener(type, (event) => {
    event.preventDefault();
    page.drop.classList.toggle("over", type === "dragenter" || type === "dragover");
    if (type === "drop" && event.dataTransfer.files.length > 0) show(event.dataTransfer.files[0]);
  });
}
page.form.addEventListener("submit", (event) => {
  event.preventDefault();
  ask();
});
page.stop.addEventListener("click", () => asking?.abort());
page.device.addEventListener("change", load);

page.device.value = query.get("device") ?? "auto";
showSamples();
load();
