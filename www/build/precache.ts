// Tells the service worker which files the page consists of, so that it can keep them for use without a network.
import { createHash } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import type { Plugin } from "vite";

/**
 * Writes the list of the build's files, and a version made from their contents, into the built service worker, where it
 * says `__FILES__` and `__VERSION__`.
 */
export function precache({ worker, without }: { worker: string; without: RegExp }): Plugin {
  return {
    name: "precache",
    apply: "build",
    enforce: "post",
    async writeBundle({ dir = "." }) {
      const version = createHash("sha256");
      const files: string[] = [];
      for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile()) continue;
        const path = join(entry.parentPath, entry.name);
        const name = relative(dir, path).split(sep).join("/");
        if (name === worker || without.test(name)) continue;
        files.push(name);
      }
      files.sort();
      for (const name of files) version.update(name).update(await readFile(join(dir, name)));

      const script = join(dir, worker);
      const code = await readFile(script, "utf8");
      if (!code.includes("__FILES__") || !code.includes("__VERSION__")) this.error(`${worker} has no place for the list of files`);
      const listed = code
        .replace("__FILES__", JSON.stringify(files))
        .replace("__VERSION__", JSON.stringify(version.digest("hex").slice(0, 16)));
      await writeFile(script, listed);
    },
  };
}
