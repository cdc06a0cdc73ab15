// What the tests' server serves in place of pkg/lib/source/patience.js: as many tries, without the waits between them.
export const PATIENCE = Object.freeze({ tries: 6, first: 1, longest: 4, longestAsked: 20 });
