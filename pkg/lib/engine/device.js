// @ts-check
import { WebGPUUnavailableError } from "../errors.js";

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

/**
 * The device that `device` stands for here, and whether it is an adapter that computes on the processor.
 * @param {"auto" | "webgpu" | "cpu"} device
 * @returns {Promise<{device: "webgpu" | "cpu", software: boolean}>}
 */
export async function chosenDevice(device) {
  const cpu = /** @type {const} */ ({ device: "cpu", software: false });
  if (device === "cpu") return cpu;
  const adapter = await webGpuAdapter();
  // On a software adapter the processor's own SIMD is ten times as fast as any shader.
  if (device === "auto" && (adapter === null || adapter.software)) return cpu;
  if (adapter === null) {
    const why = /** @type {any} */ (globalThis.navigator)?.gpu
      ? "the browser offers no adapter"
      : globalThis.isSecureContext === false
        ? "the page is not served from https or localhost"
        : "this browser has no navigator.gpu";
    throw new WebGPUUnavailableError(`WebGPU is not available: ${why}`);
  }
  return { device: "webgpu", software: adapter.software };
}
