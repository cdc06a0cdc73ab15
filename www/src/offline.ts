// The service worker that keeps the page for use without a network.

/**
 * Registers it, where the browser has such a thing, and has it keep what the device needs. Called when the model is
 * loaded, so as not to compete with it.
 */
export async function keepForOffline(device: "cpu" | "webgpu"): Promise<void> {
  if (!import.meta.env.PROD || !("serviceWorker" in navigator)) return;
  try {
    const { installing, waiting, active } = await navigator.serviceWorker.register("sw.js");
    for (const worker of [installing, waiting, active]) worker?.postMessage({ keep: device });
  } catch (error) {
    // The page works without it, but only with a network.
    console.warn("The page cannot be kept for use offline:", error);
  }
}
