// @ts-check
/**
 * Vite up to version 7 bundles dependencies for its development server into node_modules/.vite/deps, and leaves behind
 * the files that their addresses lead to: what starts two folders above a module then starts at node_modules itself.
 * @param {URL} url of one of the package's files, by import.meta.url @param {string} path of the file in the package
 * @returns {URL | null} where the file is, if it was left behind
 */
export function leftBehind(url, path) {
  if (!url.pathname.endsWith(`/node_modules/${path}`)) return null;
  const found = new URL(url);
  found.pathname = `${url.pathname.slice(0, -path.length)}pali3/${path}`;
  return found;
}
