// @ts-check
// What WebGPU offers here. The page asks before it loads anything, and so does the thread that computes.

/** Words by which drivers that compute on the processor give themselves away. */
const SOFTWARE = /swiftshader|llvmpipe|lavapipe|softpipe|microsoft basic render|\bwarp\b/i;

/**
 * The adapter that WebGPU offers, and whether it is software; null where there is none.
 * @returns {Promise<{software: boolean, description: string} | null>}
 */
export async function webGpuAdapter() {
  const gpu = /** @type {any} */ (globalThis.navigator)?.gpu;
  if (!gpu) return null;
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" }).catch(() => null);
  if (!adapter) return null;
  const { vendor = "", architecture = "", device = "", description = "", isFallbackAdapter } = adapter.info ?? {};
  const words = [vendor, architecture, device, description].filter(Boolean).join(" ");
  return { software: Boolean(isFallbackAdapter ?? adapter.isFallbackAdapter) || SOFTWARE.test(words), description: words };
}
