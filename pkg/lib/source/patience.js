// @ts-check
// How long a download that fails is tried again. A file of its own, so that tests can serve one with shorter waits in its
// place.

/**
 * Times in milliseconds.
 * @typedef {object} Patience
 * @property {number} tries tries in a row that bring no byte
 * @property {number} first wait after the first failure; it doubles with each further one, up to `longest`
 * @property {number} longest
 * @property {number} longestAsked longest wait that a server may ask for with Retry-After
 */

/** @type {Readonly<Patience>} */
export const PATIENCE = Object.freeze({ tries: 6, first: 250, longest: 4000, longestAsked: 30_000 });
