// The service worker that keeps the page for use without a network.

/** Registers it, where the browser has such a thing. Called when the model is loaded, so as not to compete with it. */
export async function keepForOffline(): Promise<void> {
  if (!import.meta.env.PROD || !("serviceWorker" in navigator)) return;
  try {
    await navigator.serviceWorker.register("sw.js");
  } catch (error) {
    // The page works without it, but only with a network.
    console.warn("The page cannot be kept for use offline:", error);
  }
}
