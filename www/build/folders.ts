// Folders that are shipped as they are: the sample pictures and the model.
import { cp } from "node:fs/promises";
import { join } from "node:path";
import type { Plugin } from "vite";

/** Copies folders into the build: address in the page → folder on the disk. */
export function folders(wanted: Record<string, string>): Plugin {
  return {
    name: "folders",
    apply: "build",
    async writeBundle({ dir = "." }) {
      for (const [address, folder] of Object.entries(wanted)) await cp(folder, join(dir, address), { recursive: true });
    },
  };
}
