// Builds the page into target/www: `bash scripts/build-www.sh`. Everything it needs ends up there, and nothing is remote.
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { folders } from "./build/folders.ts";
import { precache } from "./build/precache.ts";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  root: here("."),
  // Relative addresses, so that the page works in any folder of any server.
  base: "./",
  build: {
    outDir: here("../target/www"),
    emptyOutDir: true,
    target: "es2023",
    // The page's policy allows no data: addresses for scripts or workers, and a file is cached better by itself.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rolldownOptions: {
      input: { page: here("index.html"), sw: here("src/sw.ts") },
      output: {
        // A service worker keeps one address: its scope is the folder it lies in, and browsers look there for updates.
        entryFileNames: (chunk) => (chunk.name === "sw" ? "sw.js" : "assets/[name]-[hash].js"),
      },
    },
  },
  worker: { format: "es" },
  plugins: [
    folders({ samples: here("samples"), "models/pali3-tiny-q4": here("models/pali3-tiny-q4") }),
    // The library keeps weights by itself, so the service worker must not.
    precache({ worker: "sw.js", without: /^models\// }),
  ],
});
