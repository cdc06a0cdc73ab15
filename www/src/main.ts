// The demo page: a picture, a question, the answer as it comes, and where the model looked. Puts the parts together.
import { Pali3 } from "pali3";
import { useCamera } from "./camera.ts";
import { Conversation } from "./conversation.ts";
import { announce, byId } from "./dom.ts";
import { clearError, showError } from "./errors.ts";
import { GazeView } from "./gaze.ts";
import { takeFiles } from "./intake.ts";
import { Labels } from "./labels.ts";
import { fromAddress, isDevice, Loader, SHIPPED, type Choice } from "./model.ts";
import { keepForOffline } from "./offline.ts";
import { pickModel, showSupport } from "./picker.ts";
import { Viewer } from "./picture.ts";
import { showProgress } from "./progress.ts";
import { showSamples } from "./samples.ts";

const query = new URLSearchParams(location.search);
const [address, device] = [query.get("model"), query.get("device")];

/** What the page's address asks for, or why that cannot be. */
function chosen(): { choice: Choice; mistake: unknown } {
  try {
    return { choice: address === null ? SHIPPED : fromAddress(address), mistake: null };
  } catch (mistake) {
    return { choice: SHIPPED, mistake };
  }
}

const { choice, mistake } = chosen();
const loader = new Loader(choice, isDevice(device) ? device : "auto");
const viewer = new Viewer();
const gaze = new GazeView(() => viewer.aspect);
new Conversation(loader, viewer, gaze);
new Labels(loader, viewer);
showProgress(loader);
takeFiles(viewer, pickModel(loader));
useCamera(viewer);

/** The button that names model and device. */
const chip = byId("open-model", HTMLButtonElement);
const status = byId("status", HTMLElement);

loader.addEventListener("state", () => {
  const { state, choice, model } = loader;
  chip.dataset.state = state;
  delete status.dataset.device;
  byId("limits", HTMLElement).hidden = choice !== SHIPPED;
  if (state === "asking") {
    status.textContent = `${choice.name} is not loaded yet`;
  } else if (state === "loading") {
    clearError();
    status.textContent = `${choice.name} is loading`;
  } else if (state === "paused") {
    status.textContent = `${choice.name} is paused`;
  } else if (state === "failed") {
    status.textContent = "No model";
    showError(loader.error);
  } else if (model !== null) {
    status.textContent = `${choice.name} on ${model.device === "webgpu" ? "WebGPU" : "the CPU"}`;
    status.dataset.device = model.device;
    announce(`The model is ready: ${status.textContent}`);
    void keepForOffline(model.device);
  }
});

showSamples(viewer).catch(showError);
Pali3.isSupported().then(showSupport, showError);
if (mistake === null) void loader.open();
else loader.fail(mistake);
