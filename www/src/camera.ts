// A picture from the camera.
import { byId, closable } from "./dom.ts";
import type { Viewer } from "./picture.ts";

/** What the reasons mean for which a camera does not start. */
const REASONS: Record<string, string> = {
  NotAllowedError: "The browser was not allowed to use the camera. Its settings for this page can change that.",
  NotFoundError: "There is no camera here.",
  NotReadableError: "Another program is using the camera.",
};

export function useCamera(viewer: Viewer): void {
  const dialog = byId("camera-dialog", HTMLDialogElement);
  const video = byId("video", HTMLVideoElement);
  const note = byId("camera-note", HTMLElement);
  const shoot = byId("shoot", HTMLButtonElement);
  closable(dialog);

  byId("open-camera", HTMLButtonElement).addEventListener("click", async () => {
    note.textContent = "Starting the camera";
    shoot.disabled = true;
    dialog.showModal();
    try {
      if (!("mediaDevices" in navigator)) throw new DOMException("", "NotFoundError");
      const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
      if (!dialog.open) return stop(stream);
      video.srcObject = stream;
      await video.play();
      note.textContent = "The picture stays on this machine.";
      shoot.disabled = false;
    } catch (error) {
      const name = error instanceof DOMException ? error.name : "";
      if (dialog.open) note.textContent = REASONS[name] ?? `The camera does not start (${String(error)}).`;
    }
  });

  shoot.addEventListener("click", async () => {
    const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
    canvas.getContext("2d")?.drawImage(video, 0, 0);
    const blob = await canvas.convertToBlob({ type: "image/png" });
    dialog.close();
    await viewer.show(blob, { alt: "The picture that you have taken" });
  });

  dialog.addEventListener("close", () => {
    if (video.srcObject instanceof MediaStream) stop(video.srcObject);
    video.srcObject = null;
  });
}

function stop(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop();
}
