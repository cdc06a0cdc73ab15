// @ts-check
// Written from the table in src/generation/options/table.rs by
// PALI3_WRITE=1 cargo test --release --test native options::

/** Options of `generate` that go to the crate, each with the kind of value that it takes. */
export const GENERATION = {
  maxNewTokens: "count",
  minNewTokens: "count",
  numBeams: "count",
  numReturnSequences: "count",
  lengthPenalty: "number",
  earlyStopping: "early",
  doSample: "flag",
  temperature: "number",
  topK: "count",
  topP: "number",
  seed: "seed",
  repetitionPenalty: "number",
  noRepeatNgramSize: "count",
  stop: "texts",
};
