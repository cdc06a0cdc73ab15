// The service worker: keeps the page's own files, so that it works without a network. Weights are not its business, the
// library stores those; requests for them, as for everything that is not in the list, are left alone.
//
// Scripts, styles and the WebAssembly module carry a hash of their content in their name, so a page only ever asks for the
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
const KEPT = new Set([PAGE, ...__FILES__.map((file) => new URL(file, self.location.href).href)]);
/** How long a network that does not answer may hold up the page, in milliseconds. */
const PATIENCE = 3000;

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll([...KEPT])));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    (async () => {
      for (const name of await caches.keys()) if (name.startsWith(PREFIX) && name !== CACHE) await caches.delete(name);
      await self.clients.claim();
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
    const response = await fetch(request, { signal: patience.signal });
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
export {};
