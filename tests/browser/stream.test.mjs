// How a model folder is read: in pieces, through servers that cut off, refuse, stall and change their files, from local
// files and through a function. No browser is needed: the servers are ours, on this machine.
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { openAsBlob } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { gzipSync } from "node:zlib";
import { Pali3, Pali3Error } from "../../pkg/index.js";
import { openSource } from "../../pkg/lib/source/open.js";
import { PATIENCE } from "../../pkg/lib/source/patience.js";
import { delay, retryAfter } from "../../pkg/lib/source/retry.js";

const QUICK = { tries: 4, first: 1, longest: 4, longestAsked: 20 };
const MB = 1 << 20;

/** Bytes that tell where in the file they are. */
function content(start, end) {
  const bytes = Buffer.alloc(end - start);
  for (let i = 0; i < bytes.length; i++) bytes[i] = ((start + i) * 31 + ((start + i) >> 8) * 7) & 255;
  return bytes;
}

const equal = (bytes, start, end) => assert.ok(Buffer.compare(bytes, content(start, end)) === 0, `bytes ${start} to ${end} are others`);

/** A promise to be fulfilled from outside. */
function gate() {
  let open;
  const passed = new Promise((done) => (open = done));
  return { passed, open };
}

/** The range that a request asks for, `end` being the first byte after it. */
function asked(request) {
  const [, start, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "") ?? [];
  return start === undefined ? null : { start: Number(start), end: Number(last) + 1 };
}

/**
 * Answers like a server that knows ranges, or does not.
 * @param {{size?: number, ranges?: boolean, headers?: object, cut?: number, until?: Promise<void>}} how `cut`: bytes after
 * which the connection is cut off, once `until` is fulfilled
 */
async function answer(request, response, { size = 1000, ranges = true, headers = {}, cut = Infinity, until } = {}) {
  const range = ranges ? asked(request) : null;
  const { start, end } = { start: 0, end: size, ...range };
  if (start >= size) return void response.writeHead(416, { "Content-Range": `bytes */${size}` }).end();
  const to = Math.min(end, size);
  response.writeHead(range ? 206 : 200, {
    "Content-Length": to - start,
    ...(range && { "Content-Range": `bytes ${start}-${to - 1}/${size}` }),
    ...headers,
  });
  if (request.method === "HEAD") return void response.end();
  if (to - start <= cut) return void response.end(content(start, to));
  await new Promise((done) => response.write(content(start, start + cut), done));
  await until;
  response.destroy();
}

/**
 * A server for one test. `handle(request, response, n)` answers the nth request that is no HEAD; HEAD is answered
 * plainly unless `head` says otherwise. `log` keeps what was asked for.
 */
async function serving(t, handle, head = (request, response) => answer(request, response)) {
  const log = [];
  const open = new Set();
  const server = createServer((request, response) => {
    if (request.method === "HEAD") return head(request, response);
    log.push(request.headers.range?.replace("bytes=", "") ?? "whole");
    open.add(response);
    response.on("close", () => open.delete(response));
    return handle(request, response, log.length);
  });
  let connections = 0;
  server.on("connection", () => connections++);
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  t.after(() => (server.closeAllConnections(), server.close()));
  return { url: `http://127.0.0.1:${server.address().port}/model/`, log, open, server, connections: () => connections };
}

/** A source on short patience, closed at the end of the test. */
function opened(t, source, { events = [], signal, patience = QUICK, progress = () => {} } = {}) {
  const folder = openSource(source, { signal, patience, progress: (event) => (events.push(event), progress(event)) });
  t.after(() => folder.close());
  return folder;
}

function fails(promise, code, pattern) {
  return assert.rejects(promise, (error) => {
    assert.ok(error instanceof Pali3Error, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, pattern);
    return true;
  });
}

/** Has timers of exactly these times fire at once, and gives those that did, as they come. Node's own are left alone. */
function skipped(t, times) {
  const waits = [];
  const real = globalThis.setTimeout;
  globalThis.setTimeout = (work, wait, ...rest) => {
    if (!times.includes(wait)) return real(work, wait, ...rest);
    waits.push(wait);
    return real(work, 0, ...rest);
  };
  t.after(() => (globalThis.setTimeout = real));
  return waits;
}

/** Waits for what the other side of a connection learns a little later. */
async function eventually(holds, what) {
  for (let i = 0; i < 500; i++) {
    if (holds()) return;
    await new Promise((done) => setTimeout(done, 10));
  }
  assert.fail(what);
}

describe("ranges", () => {
  test("one request per piece, and the size from the head", async (t) => {
    const { url, log } = await serving(t, answer);
    const folder = opened(t, url);
    assert.equal(await folder.size("a.bin"), 1000);
    for (const [start, end] of [[0, 8], [8, 500], [600, 1000]]) equal(await folder.readRange("a.bin", start, end), start, end);
    assert.equal((await folder.readRange("a.bin", 5, 5)).length, 0);
    assert.deepEqual(log, ["0-7", "8-499", "600-999"]);
    equal(await folder.read("a.bin"), 0, 1000);
    assert.equal(folder.describe("a.bin"), `${url}a.bin`);
  });

  test("connections are used again", async (t) => {
    const { url, log, connections } = await serving(t, answer);
    const folder = opened(t, url);
    for (let at = 0; at < 1000; at += 50) equal(await folder.readRange("a.bin", at, at + 50), at, at + 50);
    assert.equal(log.length, 20);
    // Node itself changes between two.
    assert.ok(connections() <= 2, `${connections()} connections`);
  });

  test("pieces of one file may be asked for at once", async (t) => {
    const { url } = await serving(t, answer);
    const folder = opened(t, url);
    const starts = [0, 300, 100, 700];
    const pieces = await Promise.all(starts.map((start) => folder.readRange("a.bin", start, start + 200)));
    starts.forEach((start, i) => equal(pieces[i], start, start + 200));
  });

  for (const [by, first, then] of [
    ["ETag", { ETag: '"one"' }, { ETag: '"two"' }],
    ["Last-Modified", { "Last-Modified": "Mon, 01 Jan 2024 00:00:00 GMT" }, { "Last-Modified": "Tue, 02 Jan 2024 00:00:00 GMT" }],
    ["length", { "Content-Range": "bytes 0-99/1000" }, { "Content-Range": "bytes 100-199/1001" }],
  ]) {
    test(`a file that changes between two pieces: ${by}`, async (t) => {
      const { url } = await serving(t, (request, response, n) => answer(request, response, { headers: n === 1 ? first : then }));
      const folder = opened(t, url);
      equal(await folder.readRange("a.bin", 0, 100), 0, 100);
      await fails(folder.readRange("a.bin", 100, 200), "Integrity", new RegExp(`a\\.bin: changed on the server.*${by}`));
    });
  }

  test("a file that changes between the head and the first piece", async (t) => {
    const { url } = await serving(t, (request, response) => answer(request, response, { size: 999 }));
    const folder = opened(t, url);
    await folder.size("a.bin");
    await fails(folder.readRange("a.bin", 0, 100), "Integrity", /length was 1000, then 999/);
  });

  test("a file that changes while a piece is cut off", async (t) => {
    const { passed, open } = gate();
    const { url } = await serving(t, (request, response, n) =>
      answer(request, response, n === 1 ? { headers: { ETag: '"one"' }, cut: 60, until: passed } : { headers: { ETag: '"two"' } }),
    );
    await fails(opened(t, url, { progress: open }).readRange("a.bin", 0, 100), "Integrity", /ETag was "one", then "two"/);
  });

  test("one content under weak tags and other dates is no change", async (t) => {
    const { url } = await serving(t, (request, response, n) =>
      answer(request, response, { headers: { ETag: n === 1 ? '"one"' : 'W/"one"', "Last-Modified": new Date(n * 1e9).toUTCString() } }),
    );
    const folder = opened(t, url);
    equal(await folder.readRange("a.bin", 0, 100), 0, 100);
    equal(await folder.readRange("a.bin", 100, 200), 100, 200);
  });

  test("a compressed answer may have a tag of its own", async (t) => {
    const { url } = await serving(
      t,
      (request, response) => answer(request, response, { headers: { ETag: '"one"' } }),
      (_, response) => response.writeHead(200, { "Content-Encoding": "gzip", ETag: '"one-gzip"' }).end(),
    );
    const folder = opened(t, url);
    assert.equal(await folder.size("a.bin"), 1000);
    equal(await folder.readRange("a.bin", 0, 100), 0, 100);
  });

  test("a server that gives less than asked is asked for the rest, without waiting", async (t) => {
    const { url, log } = await serving(t, (request, response) => {
      const { start, end } = asked(request);
      const to = Math.min(end, start + 300);
      response.writeHead(206, { "Content-Range": `bytes ${start}-${to - 1}/1000` }).end(content(start, to));
    });
    equal(await opened(t, url, { patience: { ...QUICK, first: 1e9, longest: 1e9 } }).readRange("a.bin", 0, 1000), 0, 1000);
    assert.deepEqual(log, ["0-999", "300-999", "600-999", "900-999"]);
  });

  test("answers with other bytes than asked for are refused", async (t) => {
    const { url } = await serving(t, (request, response) => {
      if (request.url.endsWith("other.bin")) response.writeHead(206, { "Content-Range": "bytes 50-149/1000" }).end(content(50, 150));
      else response.writeHead(206).end(content(0, 150));
    });
    const folder = opened(t, url);
    await fails(folder.readRange("other.bin", 0, 100), "Integrity", /asked for the bytes from 0, those from 50 came/);
    await fails(folder.readRange("more.bin", 0, 100), "Integrity", /more bytes came than the 100/);
  });

  test("pieces past the end of the file", async (t) => {
    const { url } = await serving(t, answer);
    const folder = opened(t, url);
    await fails(folder.readRange("a.bin", 900, 1100), "Integrity", /a\.bin: ends at byte 1000, before 1100/);
    await fails(folder.readRange("a.bin", 2000, 2100), "Integrity", /a\.bin: ends before byte 2100/);
  });

  test("names that point out of the folder are not asked for", async (t) => {
    const { url, log } = await serving(t, answer);
    const folder = opened(t, url);
    for (const name of ["../a.bin", "a/../../b", "/etc/passwd", "http://elsewhere/", "a\\b", ""]) {
      await fails(folder.read(name), "Integrity", /points out of the model folder/);
    }
    equal(await folder.readRange("sub/a?b.bin", 0, 10), 0, 10);
    assert.equal(log.length, 1);
  });
});

describe("interruptions", () => {
  test("a piece goes on from the byte where it was cut off", async (t) => {
    const { passed, open } = gate();
    const events = [];
    const { url, log } = await serving(t, (request, response, n) => answer(request, response, n === 1 ? { cut: 400, until: passed } : {}));
    const folder = opened(t, url, { events, progress: ({ loaded }) => loaded === 400 && open() });
    equal(await folder.readRange("a.bin", 0, 1000), 0, 1000);
    assert.deepEqual(log, ["0-999", "400-999"]);
    assert.deepEqual(events.at(-1), { phase: "download", file: "a.bin", loaded: 1000, total: 1000 });
  });

  test("a whole file goes on as well, and from the start where its length is unknown", async (t) => {
    for (const announced of [true, false]) {
      const { passed, open } = gate();
      const { url, log } = await serving(t, (request, response, n) => {
        if (n > 1) return answer(request, response);
        if (announced) return answer(request, response, { cut: 400, until: passed });
        response.writeHead(200).write(content(0, 400));
        return passed.then(() => response.destroy());
      });
      equal(await opened(t, url, { progress: open }).read("a.bin"), 0, 1000);
      assert.deepEqual(log, ["whole", announced ? "400-999" : "whole"]);
    }
  });

  test("a compressed file that is cut off", async (t) => {
    const packed = gzipSync(content(0, 200_000), { level: 0 });
    const { passed, open } = gate();
    const { url, log } = await serving(t, (_, response, n) => {
      response.writeHead(200, { "Content-Encoding": "gzip", "Content-Length": packed.length });
      if (n > 1) return response.end(packed);
      response.write(packed.subarray(0, 150_000));
      return passed.then(() => response.destroy());
    });
    equal(await opened(t, url, { progress: open }).read("tokenizer.json"), 0, 200_000);
    assert.deepEqual(log, ["whole", "whole"]);
  });

  test("any number of interruptions, as long as bytes come between them", async (t) => {
    let cut;
    const { url, log } = await serving(t, (request, response) => {
      const { passed, open } = gate();
      cut = open;
      return answer(request, response, { cut: 50, until: passed });
    });
    const folder = opened(t, url, { patience: { ...QUICK, tries: 2 }, progress: () => cut() });
    equal(await folder.readRange("a.bin", 0, 1000), 0, 1000);
    assert.ok(log.length >= 20, `${log.length}`);
  });

  for (const status of [408, 425, 429, 500, 502, 503, 504]) {
    test(`status ${status} passes`, async (t) => {
      let heads = 0;
      const { url, log } = await serving(
        t,
        (request, response, n) => (n < 3 ? response.writeHead(status).end("not now") : answer(request, response)),
        (request, response) => (heads++ === 0 ? response.writeHead(status).end() : answer(request, response)),
      );
      const folder = opened(t, url);
      assert.equal(await folder.size("a.bin"), 1000);
      equal(await folder.readRange("a.bin", 0, 100), 0, 100);
      assert.equal(log.length, 3);
    });
  }

  for (const status of [400, 401, 403, 451]) {
    test(`status ${status} does not`, async (t) => {
      const { url, log } = await serving(t, (_, response) => response.writeHead(status).end());
      const folder = opened(t, url);
      await fails(folder.readRange("a.bin", 0, 100), "Network", new RegExp(`a\\.bin: HTTP ${status}`));
      await fails(folder.read("a.bin"), "Network", new RegExp(`a\\.bin: HTTP ${status}`));
      assert.equal(log.length, 2);
    });
  }

  test("files that are not there", async (t) => {
    const { url, log } = await serving(t, (_, response) => response.writeHead(404).end("no"), (_, response) => response.writeHead(404).end());
    const folder = opened(t, url);
    assert.equal(await folder.read("a.bin"), null);
    assert.equal(await folder.size("a.bin"), null);
    await fails(folder.readRange("a.bin", 0, 100), "NotFound", /a\.bin: not found/);
    assert.equal(log.length, 2);
  });

  test("after the last try, the error says where, how far and how often", async (t) => {
    const { passed, open } = gate();
    const { url, log } = await serving(t, (request, response, n) =>
      n === 1 ? answer(request, response, { cut: 400, until: passed }) : response.writeHead(503, "Busy").end(),
    );
    const folder = opened(t, url, { progress: open });
    await fails(folder.readRange("a.bin", 0, 1000), "Network", /^http:\S+\/model\/a\.bin: HTTP 503 Busy; stopped at byte 400 after 4 tries/);
    // The first of the four tries was the one that was cut off after progress.
    assert.equal(log.length, 4);
  });

  test("a file that goes away meanwhile", async (t) => {
    const { passed, open } = gate();
    const { url } = await serving(t, (request, response, n) =>
      n === 1 ? answer(request, response, { cut: 400, until: passed }) : response.writeHead(404).end(),
    );
    await fails(opened(t, url, { progress: open }).read("a.bin"), "NotFound", /a\.bin: not found/);
  });

  test("a clean end before the known end is an interruption", async (t) => {
    const { url, log } = await serving(t, (_, response, n) => {
      response.writeHead(200).write(content(0, 400));
      response.end(n === 1 ? undefined : content(400, 1000));
    });
    const folder = opened(t, url);
    assert.equal(await folder.size("a.bin"), 1000);
    equal(await folder.readRange("a.bin", 0, 1000), 0, 1000);
    assert.equal(log.length, 2);
  });

  test("empty answers do not go round for ever", async (t) => {
    const { url, log } = await serving(t, (_, response) => response.writeHead(206, { "Content-Length": 0 }).end());
    await fails(opened(t, url).readRange("a.bin", 0, 100), "Network", /an empty answer; stopped at byte 0 after 4 tries/);
    assert.equal(log.length, 4);
  });

  test("bodies of refusals are let go of", async (t) => {
    for (const status of [403, 404, 503]) {
      const { url, open } = await serving(t, (_, response) => response.writeHead(status).write("sorry"));
      await assert.rejects(opened(t, url).readRange("a.bin", 0, 100), Pali3Error);
      await eventually(() => open.size === 0, `the server still sends why it answers ${status}`);
    }
  });

  test("nobody listens there", async (t) => {
    const { url, server } = await serving(t, answer);
    await new Promise((done) => server.close(done));
    await fails(opened(t, url).size("a.bin"), "Network", /^http:\S+a\.bin: .*ECONNREFUSED.*; stopped at byte 0 after 4 tries/);
  });

  test("Retry-After is honoured, up to a limit", async (t) => {
    const { url } = await serving(t, (request, response, n) =>
      n === 1 ? response.writeHead(503, { "Retry-After": "1" }).end() : n === 2 ? response.writeHead(429, { "Retry-After": "86400" }).end() : answer(request, response),
    );
    const waits = skipped(t, [1000, 30_000]);
    equal(await opened(t, url, { patience: { ...QUICK, longestAsked: 30_000 } }).readRange("a.bin", 0, 10), 0, 10);
    assert.deepEqual(waits, [1000, 30_000]);
  });

  test("the waits", () => {
    const now = Date.parse("Mon, 01 Jan 2024 00:00:00 GMT");
    const read = [null, "7", " 0 ", "Mon, 01 Jan 2024 00:00:20 GMT", "Sun, 31 Dec 2023 00:00:00 GMT", "soon", "-5"].map((header) => retryAfter(header, now));
    assert.deepEqual(read.slice(0, 6), [0, 7000, 0, 20_000, 0, 0]);
    assert.ok(read[6] >= 0);
    assert.deepEqual([1, 2, 3, 4, 5, 9].map((n) => delay(n, 0, PATIENCE, 0.5)), [250, 500, 1000, 2000, 4000, 4000]);
    assert.deepEqual([0, 1].map((random) => delay(5, 0, PATIENCE, random)), [3000, 5000]);
    assert.deepEqual([7000, 1e9].map((ms) => delay(1, ms, PATIENCE, 0.5)), [7000, 30_000]);
  });
});

describe("aborting", () => {
  /** Aborts when `when` is fulfilled: the rejection must come before any timer or event, however busy the machine is. */
  async function aborts(promise, abort, when) {
    promise.catch(() => {});
    await when;
    let turns = 0;
    setImmediate(() => turns++);
    abort.abort();
    await fails(promise, "Aborted", /aborted/);
    assert.equal(turns, 0);
  }

  test("while waiting for the next try, which leaves no timer", async (t) => {
    const pending = new Set();
    const real = [globalThis.setTimeout, globalThis.clearTimeout];
    const refused = gate();
    globalThis.setTimeout = (work, ms, ...rest) => {
      const timer = real[0](work, ms, ...rest);
      if (ms > 50_000) pending.add(timer), refused.open();
      return timer;
    };
    globalThis.clearTimeout = (timer) => (pending.delete(timer), real[1](timer));
    t.after(() => ([globalThis.setTimeout, globalThis.clearTimeout] = real));
    const { url } = await serving(t, (_, response) => response.writeHead(503).end());
    const abort = new AbortController();
    const folder = opened(t, url, { signal: abort.signal, patience: { ...QUICK, first: 80_000, longest: 80_000 } });
    await aborts(folder.readRange("a.bin", 0, 10), abort, refused.passed);
    assert.equal(pending.size, 0);
  });

  test("while no answer comes, while no more of the body comes, and while a stream is kept", async (t) => {
    for (const what of ["answer", "body", "kept"]) {
      const arrived = gate();
      const { url, open } = await serving(t, (request, response) => {
        if (what === "answer") return arrived.open();
        response.writeHead(what === "body" ? 206 : 200, { "Content-Length": what === "body" ? 100 : 1000 });
        response.write(content(0, 50));
      });
      const abort = new AbortController();
      const folder = opened(t, url, { signal: abort.signal, progress: arrived.open });
      if (what === "kept") {
        equal(await folder.readRange("a.bin", 0, 10), 0, 10);
        assert.equal(open.size, 1);
        abort.abort();
        await fails(folder.readRange("a.bin", 10, 20), "Aborted", /aborted/);
      } else {
        await aborts(folder.readRange("a.bin", 0, 100), abort, arrived.passed);
      }
      await eventually(() => open.size === 0, `${what}: the server still sends`);
    }
  });

  test("a function and a stream that do not heed the signal", async (t) => {
    for (const what of ["answer", "late", "body"]) {
      const asked = gate();
      const late = gate();
      const cancelled = gate();
      const pull = () => (asked.open(), new Promise(() => {}));
      const body = () => new ReadableStream({ pull, cancel: cancelled.open }, { highWaterMark: 0 });
      const source = () => {
        if (what !== "body") asked.open();
        if (what === "answer") return new Promise(() => {});
        return what === "late" ? late.passed.then(() => new Response(body())) : new Response(body());
      };
      const abort = new AbortController();
      await aborts(opened(t, source, { signal: abort.signal }).read("a.bin"), abort, asked.passed);
      late.open();
      if (what !== "answer") await cancelled.passed;
    }
  });

  test("before anything, and the signal is let go of at the end", async (t) => {
    const { url, log } = await serving(t, answer);
    const folder = opened(t, url, { signal: AbortSignal.abort() });
    await fails(folder.read("a.bin"), "Aborted", /aborted/);
    await fails(folder.size("a.bin"), "Aborted", /aborted/);
    assert.equal(log.length, 0);
    const listeners = new Map();
    const signal = {
      aborted: false,
      addEventListener: (_, f) => listeners.set(f, (listeners.get(f) ?? 0) + 1),
      removeEventListener: (_, f) => listeners.delete(f),
    };
    const other = openSource(url, { signal });
    equal(await other.readRange("a.bin", 0, 10), 0, 10);
    assert.equal(listeners.size, 1);
    other.close();
    assert.equal(listeners.size, 0);
    await fails(other.readRange("a.bin", 10, 20), "Aborted", /aborted/);
  });
});

describe("servers without ranges", () => {
  const plain = (request, response) => answer(request, response, { ranges: false });

  test("one request gives all ascending pieces", async (t) => {
    const { url, log } = await serving(t, plain);
    const folder = opened(t, url);
    assert.equal(await folder.size("a.bin"), 1000);
    for (const [start, end] of [[0, 8], [8, 100], [300, 600], [600, 1000]]) equal(await folder.readRange("a.bin", start, end), start, end);
    assert.deepEqual(log, ["0-7"]);
  });

  test("pieces that are asked for at once come one after the other", async (t) => {
    const { url, log } = await serving(t, plain);
    const folder = opened(t, url);
    equal(await folder.readRange("a.bin", 0, 8), 0, 8);
    const starts = [8, 200, 400, 900];
    const pieces = await Promise.all(starts.map((start) => folder.readRange("a.bin", start, start + 100)));
    starts.forEach((start, i) => equal(pieces[i], start, start + 100));
    assert.deepEqual(log, ["0-7"]);
  });

  test("going back opens the file again", async (t) => {
    const { url, log } = await serving(t, plain);
    const folder = opened(t, url);
    for (const start of [0, 500, 200, 300, 0]) equal(await folder.readRange("a.bin", start, start + 100), start, start + 100);
    assert.deepEqual(log, ["0-99", "200-299", "0-99"]);
  });

  test("only the last file's stream stays open", async (t) => {
    const { url, log, open } = await serving(t, (request, response) => {
      // Never ends by itself.
      response.writeHead(200, { "Content-Length": 64 * MB }).write(content(0, 1000));
    });
    const folder = opened(t, url);
    for (const shard of ["1.bin", "2.bin", "3.bin"]) equal(await folder.readRange(shard, 0, 100), 0, 100);
    await eventually(() => open.size === 1, `${open.size} streams are open`);
    equal(await folder.readRange("3.bin", 100, 200), 100, 200);
    equal(await folder.readRange("1.bin", 100, 200), 100, 200);
    assert.equal(log.length, 4);
    folder.close();
    await eventually(() => open.size === 0, "a stream is still open");
  });

  test("what is cut off is opened again, skipped and counted once", async (t) => {
    const gates = [gate(), gate()];
    const events = [];
    const { url, log } = await serving(t, (request, response, n) =>
      answer(request, response, { ranges: false, ...(n <= 2 && { cut: 300 * n, until: gates[n - 1].passed }) }),
    );
    const folder = opened(t, url, { events, progress: ({ loaded }) => gates[loaded / 300 - 1]?.open() });
    equal(await folder.readRange("a.bin", 0, 200), 0, 200);
    equal(await folder.readRange("a.bin", 200, 1000), 200, 1000);
    assert.deepEqual(log, ["0-199", "300-999", "600-999"]);
    const loaded = events.map((event) => event.loaded);
    assert.deepEqual(loaded, [...new Set(loaded)].sort((a, b) => a - b));
    assert.equal(loaded.at(-1), 1000);
    assert.ok(events.every(({ total }) => total === 1000));
  });

  test("a stream that never gets past one byte ends in an error", async (t) => {
    const { passed, open } = gate();
    const { url, log } = await serving(t, (request, response) => answer(request, response, { ranges: false, cut: 300, until: passed }));
    await fails(opened(t, url, { progress: open }).readRange("a.bin", 0, 1000), "Network", /cut off.*; stopped at byte 300 after 4 tries/);
    assert.ok(log.length >= 4);
  });

  test("a file that is replaced before it is opened again", async (t) => {
    const { url } = await serving(t, (request, response, n) => answer(request, response, { ranges: false, headers: { ETag: `"${n}"` } }));
    const folder = opened(t, url);
    equal(await folder.readRange("a.bin", 500, 600), 500, 600);
    await fails(folder.readRange("a.bin", 0, 100), "Integrity", /changed on the server/);
  });

  test("pieces past the end", async (t) => {
    const { url } = await serving(t, plain);
    await fails(opened(t, url).readRange("a.bin", 900, 1100), "Integrity", /ends at byte 1000, before 1100/);
  });

  test("no HEAD either: the size comes with the stream that the first piece uses", async (t) => {
    for (const status of [405, 501, 403]) {
      const { url, log } = await serving(t, plain, (_, response) => response.writeHead(status).end());
      const folder = opened(t, url);
      assert.equal(await folder.size("a.bin"), 1000);
      equal(await folder.readRange("a.bin", 0, 100), 0, 100);
      assert.deepEqual(log, ["0-0"]);
    }
  });

  test("no lengths at all: the file is counted, not kept", async (t) => {
    const events = [];
    const chunked = (request, response) => {
      if (request.method !== "HEAD") for (let at = 0; at < 1000; at += 100) response.write(content(at, at + 100));
      response.end();
    };
    const { url, log } = await serving(t, chunked, chunked);
    const folder = opened(t, url, { events });
    assert.equal(await folder.size("a.bin"), 1000);
    for (const start of [0, 500]) equal(await folder.readRange("a.bin", start, start + 500), start, start + 500);
    assert.equal(log.length, 2);
    assert.equal(events.filter(({ loaded }) => loaded === 1000).length, 1);
  });

  test("a file of 64 MB takes the memory of one piece", async (t) => {
    setFlagsFromString("--expose-gc");
    const gc = runInNewContext("gc");
    const block = content(0, MB);
    const { url, log } = await serving(
      t,
      async (request, response) => {
        response.writeHead(200, { "Content-Length": 64 * MB });
        for (let i = 0; i < 64; i++) if (!response.write(block)) await new Promise((done) => response.once("drain", done));
        response.end();
      },
      (_, response) => response.writeHead(200, { "Content-Length": 64 * MB }).end(),
    );
    const memory = () => {
      gc();
      const { arrayBuffers, external } = process.memoryUsage();
      return Math.max(arrayBuffers, external);
    };
    const folder = opened(t, url);
    assert.equal(await folder.size("a.bin"), 64 * MB);
    const before = memory();
    let most = 0;
    for (let at = 0; at < 64 * MB; at += 4 * MB) {
      const piece = await folder.readRange("a.bin", at, at + 4 * MB);
      assert.ok(piece.length === 4 * MB && Buffer.compare(piece.subarray(0, MB), block) === 0);
      most = Math.max(most, memory() - before);
      assert.ok(folder.held <= MB, `${folder.held} bytes are kept between two pieces`);
    }
    assert.ok(most < 24 * MB, `${most} bytes more than before`);
    assert.equal(log.length, 1);
  });

  test("nothing is fetched ahead of the pieces asked for", async (t) => {
    const chunk = 1000;
    let sent = 0;
    const source = () =>
      new Response(
        new ReadableStream(
          {
            pull(controller) {
              controller.enqueue(new Uint8Array(content(sent, sent + chunk)));
              sent += chunk;
            },
          },
          { highWaterMark: 0 },
        ),
        { headers: { "Content-Length": "1000000" } },
      );
    const folder = opened(t, source);
    for (let at = 0; at < 100_000; at += 2500) {
      equal(await folder.readRange("a.bin", at, at + 2500), at, at + 2500);
      assert.ok(sent - (at + 2500) < chunk && folder.held === sent - (at + 2500), `${sent} at ${at}`);
    }
  });
});

describe("local files", () => {
  const file = (name, bytes, webkitRelativePath) => Object.defineProperties(new Blob([bytes]), { name: { value: name }, webkitRelativePath: { value: webkitRelativePath } });

  test("are found by the last part of their path, nearest to the top first", async (t) => {
    const events = [];
    const files = [
      file("config.json", "deep", "model/onnx/config.json"),
      file("config.json", "top", "model/config.json"),
      file("a.bin", content(0, 1000), "model/a.bin"),
    ];
    const folder = opened(t, { files }, { events });
    assert.equal(Buffer.from(await folder.read("config.json")).toString(), "top");
    assert.equal(await folder.size("a.bin"), 1000);
    for (const start of [0, 500]) equal(await folder.readRange("a.bin", start, start + 500), start, start + 500);
    assert.deepEqual([await folder.read("b.bin"), await folder.size("b.bin")], [null, null]);
    assert.deepEqual([folder.describe("a.bin"), folder.describe("b.bin")], ["model/a.bin", "b.bin"]);
    assert.deepEqual(events.at(-1), { phase: "download", file: "a.bin", loaded: 1000, total: 1000 });
    await fails(folder.readRange("a.bin", 900, 1100), "Integrity", /model\/a\.bin: ends at byte 1000, before 1100/);
    await fails(folder.readRange("b.bin", 0, 1), "NotFound", /b\.bin/);
  });

  test("are never read as a whole for a piece", async (t) => {
    const parts = [];
    const bytes = file("a.bin", content(0, 1000), "");
    bytes.arrayBuffer = () => assert.fail("was read as a whole");
    bytes.slice = (start, end) => (parts.push([start, end]), Blob.prototype.slice.call(bytes, start, end));
    const folder = opened(t, { files: { 0: bytes, length: 1 } });
    equal(await folder.readRange("a.bin", 100, 200), 100, 200);
    assert.deepEqual(parts, [[100, 200]]);
  });

  test("that change on the disk are an error", async (t) => {
    const place = await mkdtemp(join(tmpdir(), "pali3-"));
    t.after(() => rm(place, { recursive: true }));
    await writeFile(join(place, "a.bin"), content(0, 1000));
    const onDisk = Object.defineProperty(await openAsBlob(join(place, "a.bin")), "name", { value: "a.bin" });
    const folder = opened(t, { files: [onDisk] });
    equal(await folder.readRange("a.bin", 0, 100), 0, 100);
    await writeFile(join(place, "a.bin"), content(0, 900));
    await fails(folder.readRange("a.bin", 100, 200), "Io", /a\.bin: cannot be read; it may have changed/);
  });

  test("two of one name at one depth, only if it is asked for", async (t) => {
    const folder = opened(t, { files: [file("a.bin", "1", "x/a.bin"), file("a.bin", "2", "y/a.bin"), file("b.bin", "3", "x/b.bin")] });
    assert.equal(await folder.size("b.bin"), 1);
    await fails(folder.size("a.bin"), "InvalidInput", /x\/a\.bin and y\/a\.bin are both called a\.bin/);
  });

  test("aborting", async (t) => {
    const abort = new AbortController();
    const slow = file("a.bin", "1", "");
    slow.slice = () => ({ arrayBuffer: () => new Promise(() => {}) });
    const reading = opened(t, { files: [slow] }, { signal: abort.signal }).read("a.bin");
    abort.abort();
    await fails(reading, "Aborted", /aborted/);
  });
});

describe("functions", () => {
  const part = (range, size = 1000) => new Response(content(range?.start ?? 0, range?.end ?? size), { status: range ? 206 : 200 });

  test("are asked for ranges and for whole files", async (t) => {
    const calls = [];
    const folder = opened(t, async (name, range, signal) => {
      calls.push([name, range, signal instanceof AbortSignal]);
      if (name === "b.bin") return null;
      if (name === "c.bin") return new Response("no", { status: 404 });
      const response = part(range);
      if (range) response.headers.set("Content-Range", `bytes ${range.start}-${range.end - 1}/1000`);
      return response;
    });
    assert.equal(await folder.size("a.bin"), 1000);
    equal(await folder.readRange("a.bin", 100, 200), 100, 200);
    equal(await folder.read("a.bin"), 0, 1000);
    assert.deepEqual(calls, [
      ["a.bin", { start: 0, end: 1 }, true],
      ["a.bin", { start: 100, end: 200 }, true],
      ["a.bin", undefined, true],
    ]);
    for (const name of ["b.bin", "c.bin"]) assert.deepEqual([await folder.size(name), await folder.read(name)], [null, null]);
    await fails(folder.readRange("b.bin", 0, 1), "NotFound", /b\.bin/);
  });

  test("need not tell sizes, nor know ranges", async (t) => {
    for (const source of [(_, range) => part(range), () => part()]) {
      const folder = opened(t, source);
      assert.equal(await folder.size("a.bin"), 1000);
      equal(await folder.readRange("a.bin", 100, 200), 100, 200);
    }
  });

  test("that fail are asked again", async (t) => {
    let n = 0;
    const folder = opened(t, async (_, range) => {
      if (++n === 1) throw new TypeError("Failed to fetch");
      if (n === 2) return new Response("", { status: 503 });
      return part(range);
    });
    equal(await folder.readRange("a.bin", 100, 200), 100, 200);
    assert.equal(n, 3);
    const cause = new Error("no such store");
    await assert.rejects(opened(t, () => Promise.reject(cause)).read("a.bin"), (error) => {
      assert.deepEqual([error.code, error.cause], ["Network", cause]);
      assert.match(error.message, /^a\.bin: no such store; stopped at byte 0 after 4 tries; load again/);
      return true;
    });
    await fails(opened(t, () => { throw new Pali3Error("Io", "mine"); }).read("a.bin"), "Io", /^mine/);
  });

  test("that answer with something else are told so at once", async (t) => {
    const used = new Response("text");
    await used.text();
    await fails(opened(t, () => undefined).read("a.bin"), "InvalidInput", /source\("a\.bin"\): expected a Response or null, found undefined/);
    await fails(opened(t, () => new Uint8Array(3)).size("a.bin"), "InvalidInput", /found Uint8Array/);
    await fails(opened(t, () => used).read("a.bin"), "InvalidInput", /has been read already/);
    const long = new ReadableStream({
      start(controller) {
        for (const length of [100, 0, 50]) controller.enqueue(new Uint8Array(length));
        controller.close();
      },
    });
    await fails(opened(t, () => new Response(long, { status: 206 })).readRange("a.bin", 0, 100), "Integrity", /more bytes came than the 100/);
    await fails(opened(t, (_, { start, end }) => new Response(content(start, end))).size("a.bin"), "InvalidInput", /needs status 206/);
  });
});

describe("Pali3.load", () => {
  const load = (source) => Pali3.load(source, { device: "cpu" });

  test("says what it takes", async () => {
    const expected = /^source: expected the URL of a model folder, \{ files \} or a function \(name, range, signal\) => Response, found /;
    for (const [source, found] of [[undefined, "undefined"], [null, "null"], [42, "number"], [[], "Array"], [{}, "Object without files"]]) {
      await fails(load(source), "InvalidInput", expected);
      await fails(load(source), "InvalidInput", new RegExp(`${found}$`));
    }
    await fails(load({ file: [] }), "InvalidInput", /^source file: unknown; did you mean files\?$/);
    await fails(load({ url: "/models/" }), "InvalidInput", /^source url: unknown; known are files$/);
    await fails(load({ files: "config.json" }), "InvalidInput", /^source files: expected a FileList or an array of Files, found string$/);
    await fails(load({ files: [new Blob([])] }), "InvalidInput", /^source files\[0\]: expected a File, or a Blob with a name, found Blob$/);
    await fails(load("models/"), "InvalidInput", /^source: "models\/" is not a URL$/);
  });
});
