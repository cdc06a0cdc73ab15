// How a load goes, to be seen: bytes, speed, time left; pause and resume.
import type { LoadProgress } from "pali3";
import { byId, say } from "./dom.ts";
import type { Loader } from "./model.ts";
import { bytes, duration } from "./words.ts";

/** Speed over this many milliseconds. */
const WINDOW = 4000;

/** How fast bytes come from the network. */
export class Speedometer {
  /** Bytes of each file that came so far. */
  #files = new Map<string, number>();
  #points: { time: number; bytes: number }[] = [];

  /** Takes an event of a load into account. */
  add({ phase, file, loaded }: LoadProgress, time = performance.now()): void {
    if (phase === "cache") this.#files.set(file, loaded);
    if (phase !== "download") return;
    const more = Math.max(0, loaded - (this.#files.get(file) ?? 0));
    this.#files.set(file, loaded);
    this.#points.push({ time, bytes: more });
    while (this.#points.length > 0 && this.#points[0]!.time < time - WINDOW) this.#points.shift();
  }

  /** Bytes a second; 0 as long as that cannot be told. */
  get speed(): number {
    const [first, last] = [this.#points[0], this.#points.at(-1)];
    if (first === undefined || last === undefined || last.time - first.time < 200) return 0;
    const sum = this.#points.slice(1).reduce((total, point) => total + point.bytes, 0);
    return (sum / (last.time - first.time)) * 1000;
  }
}

/** Shows the loader's progress in #load. */
export function showProgress(loader: Loader): void {
  const box = byId("load", HTMLElement);
  const text = byId("load-text", HTMLElement);
  const bar = byId("load-bar", HTMLProgressElement);
  const detail = byId("load-detail", HTMLElement);
  const pause = byId("pause", HTMLButtonElement);
  let meter = new Speedometer();

  pause.addEventListener("click", () => (loader.state === "loading" ? loader.pause() : loader.resume()));

  loader.addEventListener("state", () => {
    box.hidden = loader.state === "ready";
    bar.hidden = loader.state === "failed" || loader.state === "asking";
    if (loader.state === "asking") {
      const { name, source } = loader.choice;
      text.textContent = `This link asks for a model from ${source instanceof URL ? source.host : "another site"}: ${name}.`;
      detail.textContent = "Nothing has been fetched yet. A model can be some gigabytes; what is loaded is stored in this browser.";
      pause.textContent = "Load it";
    }
    if (loader.state === "loading") {
      meter = new Speedometer();
      text.textContent = "Loading the model";
      detail.textContent = "";
      bar.removeAttribute("value");
      pause.textContent = "Pause";
    }
    if (loader.state === "paused") {
      text.textContent = "Paused";
      detail.textContent = `${here(loader)}What has come is kept.`;
      const loaded = loader.progress?.totalLoaded ?? 0;
      pause.textContent = loaded > 0 ? `Resume at ${bytes(loaded)}` : "Resume";
    }
    if (loader.state === "failed") {
      text.textContent = "The model is not loaded.";
      detail.textContent = loader.progress === null ? "" : "What has come is kept.";
      pause.textContent = "Try again";
    }
  });

  loader.addEventListener("progress", () => {
    const event = loader.progress;
    if (event === null) return;
    meter.add(event);
    const { phase, totalLoaded, totalBytes } = event;
    const arrived = totalBytes > 0 && totalLoaded >= totalBytes;
    text.textContent = phase === "compile" ? "Preparing the graphics card" : arrived ? "Moving weights to the device" : "Loading the model";
    if (phase === "compile") bar.value = event.total > 0 ? event.loaded / event.total : 1;
    else if (totalBytes > 0) bar.value = totalLoaded / totalBytes;
    const { speed } = meter;
    const left = speed > 0 && totalBytes > 0 && !arrived ? `${duration(((totalBytes - totalLoaded) / speed) * 1000)} left` : "";
    say(detail, [here(loader).replace(/\. $/, ""), speed > 0 && !arrived ? `${bytes(speed)}/s` : "", left].filter(Boolean).join(" · "));
  });
}

/** "0.3 of 0.7 MB. ", or nothing where no size is known. */
function here({ progress }: Loader): string {
  if (progress === null || progress.totalLoaded === 0) return "";
  const { totalLoaded, totalBytes } = progress;
  return totalBytes > 0 ? `${bytes(totalLoaded)} of ${bytes(totalBytes)}. ` : `${bytes(totalLoaded)}. `;
}
