// A static file server for the demo page and the browser tests. It answers Range requests, as model folders are read in
// pieces.
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer } from "node:http";
import { dirname, extname, join, normalize, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "..");

const TYPES = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".jpg": "image/jpeg",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".md": "text/markdown; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
  ".webmanifest": "application/manifest+json",
  ".webp": "image/webp",
};

/** The demo page as it is passed on: the build holds all that it needs. */
export const PAGE = { "/": join(ROOT, "target/www") };

/** What the browser tests need: the page, and package, models and pictures as they are in the repository. */
export const MOUNTS = {
  ...PAGE,
  "/pkg/": join(ROOT, "pkg"),
  "/models/": join(ROOT, "www/models"),
  "/samples/": join(ROOT, "www/samples"),
};

/**
 * Serves `mounts` (address prefix -> folder) on 127.0.0.1 and resolves to `{server, url}`.
 * `port` 0 takes a free one. `headers` go with every file. `handle(request, response)` may answer in place of the files:
 * then it returns true.
 */
export async function serve({ mounts = PAGE, port = 0, headers: more = {}, handle = (request, response) => false } = {}) {
  const prefixes = Object.keys(mounts).sort((a, b) => b.length - a.length);

  function locate(pathname) {
    const prefix = prefixes.find((p) => pathname.startsWith(p));
    if (prefix === undefined) return null;
    const folder = resolve(mounts[prefix]);
    const file = normalize(join(folder, pathname.slice(prefix.length)));
    // Nothing above the folder, however the address is written.
    return file === folder || file.startsWith(folder + sep) ? file : null;
  }

  async function find(pathname) {
    const file = locate(pathname);
    if (file === null) return null;
    const found = await stat(file).catch(() => null);
    if (found?.isDirectory()) return pathname.endsWith("/") ? find(`${pathname}index.html`) : null;
    return found?.isFile() ? { file, size: found.size, changed: found.mtimeMs } : null;
  }

  const server = createServer(async (request, response) => {
    try {
      if (handle(request, response)) return;
      if (request.method !== "GET" && request.method !== "HEAD") return void response.writeHead(405).end();
      const pathname = decodeURIComponent(new URL(request.url, "http://localhost").pathname);
      const found = await find(pathname);
      if (found === null) return void response.writeHead(404, { "Content-Type": "text/plain" }).end(`no such file: ${pathname}\n`);

      const headers = {
        ...more,
        "Content-Type": TYPES[extname(found.file)] ?? "application/octet-stream",
        // A rebuilt module must be seen at the next reload.
        "Cache-Control": "no-cache",
        "Accept-Ranges": "bytes",
        ETag: `"${found.size.toString(16)}-${Math.trunc(found.changed).toString(16)}"`,
      };
      if (request.headers["if-none-match"] === headers.ETag) return void response.writeHead(304, headers).end();

      let [start, end] = [0, found.size - 1];
      const range = /^bytes=(\d*)-(\d*)$/.exec(request.headers.range ?? "");
      if (range && (range[1] || range[2])) {
        start = range[1] ? Number(range[1]) : Math.max(0, found.size - Number(range[2]));
        end = range[1] && range[2] ? Math.min(Number(range[2]), end) : end;
        if (start > end) return void response.writeHead(416, { "Content-Range": `bytes */${found.size}` }).end();
        headers["Content-Range"] = `bytes ${start}-${end}/${found.size}`;
      }
      headers["Content-Length"] = end - start + 1;
      response.writeHead(headers["Content-Range"] ? 206 : 200, headers);
      if (request.method === "HEAD" || end < start) return void response.end();
      createReadStream(found.file, { start, end }).on("error", () => response.destroy()).pipe(response);
    } catch {
      response.headersSent ? response.destroy() : response.writeHead(400).end();
    }
  });

  await new Promise((done, failed) => server.once("error", failed).listen(port, "127.0.0.1", done));
  return { server, url: `http://localhost:${server.address().port}` };
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const at = process.argv.indexOf("--port");
  const { url } = await serve({ port: at < 0 ? 0 : Number(process.argv[at + 1]) });
  console.log(`\n  pali3 is at ${url}/   (Ctrl-C ends it)\n`);
}
