// @ts-check

/**
 * What is stored of one model folder. Of each file, the bytes from its beginning up to somewhere.
 * @typedef {object} Shelf
 * @property {() => Promise<About>} about
 * @property {(about: About) => Promise<void>} note
 * @property {(file: string) => Promise<number>} stored bytes of the file
 * @property {(file: string, start: number, end: number) => Promise<Uint8Array<ArrayBuffer>>} read
 * @property {(file: string, at: number, bytes: Uint8Array<ArrayBuffer>) => Promise<void> | void} append `at` is what is stored so far
 * @property {boolean} fine whether `append` is made for the small chunks that come from a network
 * @property {(file: string) => Promise<void>} drop
 * @property {() => Promise<void>} clear
 * @property {() => Promise<void> | void} close
 */

/**
 * @typedef {object} About
 * @property {string} source URL of the folder
 * @property {boolean} complete whether a load has run to its end
 * @property {number} used when it was last loaded, in milliseconds since 1970
 * @property {Record<string, {size: number, version: string}>} files what the server said of each
 */

/** Where everything is, in both kinds of storage. */
export const PLACE = "pali3";
// The name of the note about a folder. None of its files can have it: their names are encoded, "@" as "%40".
export const ABOUT = "@about.json";

/** @param {string} source @returns {About} */
export function nothing(source) {
  return { source, complete: false, used: 0, files: {} };
}

/** A note that cannot be read is none. @param {string} text @param {string} source @returns {About} */
export function parsed(text, source) {
  try {
    const about = JSON.parse(text);
    if (typeof about.source === "string" && typeof about.files === "object" && about.files !== null) return about;
  } catch {}
  return nothing(source);
}

/**
 * Short name of a source, by which its folder is found: the beginning of its SHA-256.
 * @param {string} source
 */
export async function nameOf(source) {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(source));
  return Array.from(new Uint8Array(hash, 0, 10), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
