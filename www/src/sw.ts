// The service worker: keeps the page's own files, so that it works without a network. Weights are not its business, the
// library stores those; requests for them, as for everything that is not in the list, are left alone.
//
// Scripts, styles and WebAssembly modules carry a hash of their content in their name, so a page only ever asks for the
// files that it was built with. The page itself comes from the network where there is one: so a new version shows at the
// next visit, whole, and the old one stays complete in its own cache until no tab uses it any more.
declare const self: ServiceWorkerGlobalScope;
/** Addresses of the build's files, relative to this script; the build fills them in. */
declare const __FILES__: readonly string[];
/** A hash of their contents. */
declare const __VERSION__: string;

const PREFIX = "pali3-page-";
const CACHE = PREFIX + __VERSION__;
const PAGE = new URL("./", self.location.href).href;
const FILES = [PAGE, ...__FILES__.map((file) => new URL(file, self.location.href).href)];
const KEPT = new Set(FILES);
/** There is a large module for each device: the one that is used is kept. */
const isModule = (file: string) => file.endsWith(".wasm");
/** A module's name without the hash of its content: "pali3_cpu_bg". */
const moduleName = (file: string) => /([^/]+)-.{8}\.wasm$/.exec(file)?.[1] ?? file;
/** How long a network that does not answer may hold up the page, in milliseconds. */
const PATIENCE = 3000;

/** Whether the name holds a hash of the content: then there is no other version of it. */
const isHashed = (file: string) => /\/assets\/[^/]+-.{8}\.\w+$/.test(file);
/** The request for a file. The browser's own cache may hold an older version of what has no hash in its name. */
const wanted = (file: string) => new Request(file, { cache: isHashed(file) ? "default" : "reload" });

self.addEventListener("install", (event) => {
  event.waitUntil(
    (async () => {
      const used = new Set((await keptModules()).map(moduleName));
      const cache = await caches.open(CACHE);
      await cache.addAll(FILES.filter((file) => !isModule(file) || used.has(moduleName(file))).map(wanted));
    })(),
  );
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    (async () => {
      for (const name of await pageCaches()) if (name !== CACHE) await caches.delete(name);
      await self.clients.claim();
    })(),
  );
});

// The page tells which device it computes on: { keep: "cpu" }.
self.addEventListener("message", (event) => {
  const keep: unknown = event.data?.keep;
  if (keep !== "cpu" && keep !== "webgpu") return;
  event.waitUntil(
    (async () => {
      const cache = await caches.open(CACHE);
      for (const file of FILES.filter((file) => isModule(file) && moduleName(file).includes(keep))) {
        if ((await cache.match(file)) === undefined) await cache.add(wanted(file));
      }
    })(),
  );
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET") return;
  // The page's address holds what was chosen, as ?device=cpu; what it is made of has no such things.
  const [address = ""] = request.url.split(/[?#]/, 1);
  if (request.mode === "navigate" && address === PAGE) event.respondWith(page(request));
  else if (KEPT.has(request.url)) event.respondWith(kept(request, request.url));
});

/** The page from the network, or the kept one where that fails or takes too long. */
async function page(request: Request): Promise<Response> {
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), PATIENCE);
  try {
    // Not an older one that the browser has kept: the scripts that it names may be gone.
    const response = await fetch(request, { signal: patience.signal, cache: "no-cache" });
    if (response.ok) return response;
  } catch {
    // No network: the kept page follows.
  } finally {
    clearTimeout(timer);
  }
  return kept(request, PAGE);
}

async function kept(request: Request, address: string): Promise<Response> {
  const cache = await caches.open(CACHE);
  return (await cache.match(address)) ?? fetch(request);
}

/** Names of the caches of this page's versions. */
async function pageCaches(): Promise<string[]> {
  return (await caches.keys()).filter((name) => name.startsWith(PREFIX));
}

/** Addresses of the modules that any version of the page has kept. */
async function keptModules(): Promise<string[]> {
  const requests = await Promise.all((await pageCaches()).map(async (name) => (await caches.open(name)).keys()));
  return requests.flat().map(({ url }) => url).filter(isModule);
}
export {};
