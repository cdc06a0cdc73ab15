// The sample pictures. They are fetched once, with the page: choosing one needs no network.
import { byId, make } from "./dom.ts";
import type { Known, Viewer } from "./picture.ts";

interface Sample {
  file: string;
  questions: Known[];
}

/** Shows the samples as buttons, and the first one as the picture if there is none yet. */
export async function showSamples(viewer: Viewer): Promise<void> {
  const folder = new URL("samples/", document.baseURI);
  const response = await fetch(new URL("samples.json", folder));
  if (!response.ok) return;
  const samples: Sample[] = await response.json();
  const blobs = await Promise.all(samples.map(async ({ file }) => (await fetch(new URL(file, folder))).blob()));

  const buttons = blobs.map((blob, index) => {
    const thumbnail = make("img", { src: URL.createObjectURL(blob), alt: "" });
    const button = make("button", { type: "button", className: "tile" }, thumbnail);
    button.setAttribute("aria-label", `Sample picture ${index + 1}`);
    button.setAttribute("aria-pressed", "false");
    const known = samples[index]?.questions ?? [];
    const show = () => viewer.show(blob, { alt: `Sample picture ${index + 1}: a drawing of coloured shapes`, known });
    button.addEventListener("click", show);
    if (index === 0 && viewer.picture === null) void show();
    return button;
  });
  byId("samples", HTMLElement).replaceChildren(...buttons);
  const mark = () => {
    buttons.forEach((button, index) => button.setAttribute("aria-pressed", String(viewer.picture?.blob === blobs[index])));
  };
  viewer.addEventListener("change", mark);
  mark();
}
