// @ts-check
import { webGpuAdapter } from "../adapter.js";
import { WebGPUUnavailableError } from "../errors.js";

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
