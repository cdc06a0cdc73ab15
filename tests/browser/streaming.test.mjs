// A generation that is read as it comes, without a model: readers, the result, and how either ends.
import assert from "node:assert/strict";
import { test } from "node:test";
import { GenerationStream } from "../../pkg/lib/api/stream.js";

const piece = (n, sequence = 0) => ({ text: `${n} `, tokenId: n, logprob: -1, sequence });

/** A generation that gives what the test has it give. */
function started() {
  const run = {};
  run.stream = new GenerationStream((onPieces, left) => {
    run.give = (...pieces) => onPieces(pieces);
    run.left = left;
    return new Promise((done, failed) => {
      run.end = done;
      run.fail = failed;
      left.addEventListener("abort", () => failed(new Error("was left")));
    });
  });
  return run;
}

async function collected(stream) {
  const ids = [];
  for await (const { tokenId } of stream) ids.push(tokenId);
  return ids;
}

/** Lets everything that is ready run. */
const settled = () => new Promise((done) => setImmediate(done));

test("every reader gets every piece, whenever it comes, and the result besides", async () => {
  const run = started();
  const readers = [collected(run.stream), collected(run.stream)];
  await settled();
  run.give(piece(1), piece(2));
  await settled();
  readers.push(collected(run.stream));
  await settled();
  run.give(piece(3));
  await settled();
  run.end("the whole");
  readers.push(collected(run.stream));
  for (const reader of readers) assert.deepEqual(await reader, [1, 2, 3]);
  assert.equal(await run.stream.result, "the whole");
});

test("a stream that an async function returns is still the stream", async () => {
  const run = started();
  const returned = await (async () => run.stream)();
  assert.equal(returned, run.stream);
  run.end();
});

test("the last reader that leaves ends it, and the result is what had come", async () => {
  const run = started();
  const first = (async () => {
    for await (const _ of run.stream) break;
  })();
  const second = (async () => {
    for await (const { tokenId } of run.stream) if (tokenId === 2) break;
  })();
  await settled();
  run.give(piece(1));
  await first;
  assert.equal(run.left.aborted, false);
  run.give(piece(2), piece(7, 1));
  await second;
  assert.equal(run.left.aborted, true);
  const { text, tokenIds, score, sequences } = await run.stream.result;
  assert.deepEqual([text, tokenIds, score], ["1 2 ", [1, 2], -2]);
  assert.deepEqual(sequences.map(({ tokenIds, finishReason }) => [tokenIds, finishReason]), [[[1, 2], "left"], [[7], "left"]]);
});

test("a long one may be left as well", async () => {
  const run = started();
  const reading = (async () => {
    for await (const { tokenId } of run.stream) if (tokenId === 199_999) break;
  })();
  run.give(...Array.from({ length: 100_000 }, (_, n) => piece(n)));
  run.give(...Array.from({ length: 100_000 }, (_, n) => piece(100_000 + n)));
  await reading;
  assert.equal((await run.stream.result).tokenIds.length, 200_000);
});

test("an error comes to every reader and to the result, and to nobody else", async () => {
  const unhandled = [];
  const note = (reason) => unhandled.push(reason);
  process.on("unhandledRejection", note);
  const [read, unread] = [started(), started()];
  const readers = [collected(read.stream), collected(read.stream)];
  await settled();
  for (const { fail } of [read, unread]) fail(new Error("no more"));
  for (const reader of readers) await assert.rejects(reader, /no more/);
  await assert.rejects(read.stream.result, /no more/);
  await assert.rejects(collected(unread.stream), /no more/);
  await settled();
  process.off("unhandledRejection", note);
  assert.deepEqual(unhandled, []);
});
