// The Markdown table of a benchmark run. `node bench/table.mjs` prints that of the last one again.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const [BEGIN, END] = ["<!-- begin: written by make bench -->", "<!-- end: written by make bench -->"];
const COLUMNS = ["cpu", "webgpu"].flatMap((device) => ["pali3", "transformers.js"].map((library) => ({ device, library })));
const DTYPES = ["f32", "q8", "q4"];
const DEVICES = { cpu: "CPU", webgpu: "WebGPU" };

const TEXT_FIGURES = {
  "encode 64": "encode 64 tokens",
  "encode 256": "encode 256 tokens",
  token: "decode, a token",
  "first token, cold": "first token, cold",
  "first token": "first token, warm",
  load: "load, with the tower",
};
const PARTS = [
  { title: "SigLIP base/16, 224 px", model: "small", figures: { picture: "encode a picture" } },
  { title: "T5 1.1 small", model: "small", figures: TEXT_FIGURES, sizes: true },
  { title: "T5 1.1 base", model: "base", figures: TEXT_FIGURES, sizes: true },
];

/** Prints the table, and writes it into `file`, if any, between its markers. */
export function report(results, file) {
  const text = [table(results), "", ...notes(results).map((note) => `- ${note}`), ""].join("\n");
  console.log(`\n${text}`);
  if (file === null) return console.log("(not every row was measured, so docs/benchmarks.md stays as it is)");
  const page = existsSync(file) ? readFileSync(file, "utf8") : `# Benchmarks\n\n${BEGIN}\n${END}\n`;
  const [before, after] = [page.split(BEGIN)[0], page.split(END)[1]];
  if (after === undefined) throw new Error(`${file}: has no ${BEGIN} … ${END}`);
  writeFileSync(file, `${before}${BEGIN}\n${text}${END}${after}`);
  console.log(`written into ${file}`);
}

function table(results) {
  const lines = [
    ["", "", ...COLUMNS.map(({ device, library }) => `${DEVICES[device]}, ${library}`)],
    ["---", "---", ...COLUMNS.map(() => "--:")],
  ];
  const row = (label, dtype, cell) => {
    const cells = COLUMNS.map((column) => cell({ ...column, dtype }));
    if (cells.some(Boolean)) lines.push([label, dtype, ...cells]);
  };
  for (const { title, model, figures, sizes } of PARTS) {
    if (!results.rows.some((r) => r.model === model)) continue;
    lines.push([`**${title}**`, "", ...COLUMNS.map(() => "")]);
    for (const [figure, label] of Object.entries(figures))
      for (const dtype of DTYPES) row(label, dtype, (column) => time(find(results.rows, { ...column, model }), figure));
    if (!sizes) continue;
    for (const dtype of DTYPES) row("peak memory, MB", dtype, (column) => megabytes(find(results.rows, { ...column, model })?.memory));
    for (const dtype of DTYPES)
      row("weights, MB", dtype, (column) => megabytes(find(results.downloads ?? [], { ...column, model })?.weights));
  }
  lines.push(["**Code**", "", ...COLUMNS.map(() => "")]);
  // The same for every model and form of weights.
  // Files of an earlier build's pages may be gone: the page that had most of them tells.
  const code = (column) =>
    (results.downloads ?? [])
      .filter((d) => d.library === column.library && d.device === column.device && d.code > 0)
      .reduce((most, d) => (d.code > (most?.code ?? 0) ? d : most), undefined);
  row("JavaScript and WebAssembly, MB", "", (column) => megabytes(code(column)?.code));
  row("… with brotli", "", (column) => megabytes(code(column)?.brotli, 2));
  return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

const find = (rows, wanted) => rows.find((row) => Object.keys(wanted).every((key) => row[key] === wanted[key]));

/** "wall / processor ms". */
function time(row, figure) {
  if (row === undefined) return "";
  if (row.error) return "failed";
  const runs = row.figures[figure];
  if (runs === undefined) return "";
  return `${milliseconds(median(runs, "wall"))} / ${milliseconds(median(runs, "cpu"))}`;
}

const median = (runs, key) => runs.map((run) => run[key]).sort((a, b) => a - b)[Math.floor(runs.length / 2)];

function milliseconds(value) {
  // Three digits say all there is in a figure of a shared machine.
  if (Math.abs(value) < 100) return value.toPrecision(Math.abs(value) < 1 ? 1 : Math.abs(value) < 10 ? 2 : 3);
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(Math.abs(value))) - 2);
  return (Math.round(value / unit) * unit).toLocaleString("en");
}

const megabytes = (bytes, digits = 1) => (bytes ? (bytes / 1e6).toFixed(bytes >= 1e8 ? 0 : digits) : "");

function notes(results) {
  const { processor, cores, memory, chromium, emptyPage, adapter, versions, rows } = results;
  const { vendor, architecture } = adapter;
  const software = architecture === "swiftshader";
  const single = rows.filter((row) => row.single).map((row) => `${row.library} ${row.device} ${row.dtype} ${row.model}`);
  const failed = rows.filter((row) => row.error);
  const builds = new Set(rows.filter((row) => row.library === "pali3").map((row) => row.build));
  const distinct = (key) => [...new Set(rows.map((row) => row[key]))];
  return [
    `Milliseconds, wall time / processor time (user and system, of all processes of the browser). Median of ${distinct("runs").join(" or ")} runs, of which those that are not *cold* or *load* come after warm-up.`,
    `${distinct("date").join(", ")}, ${distinct("command").map((command) => `\`${command}\``).join(", ")}; ${processor}, ${cores} cores, ${Math.round(memory / 2 ** 30)} GB; headless Chromium ${chromium}; ${Object.entries(versions).map(([name, version]) => `${name} ${version}`).join(", ")}.`,
    `WebGPU adapter: ${vendor || "none"} ${architecture}. ${software ? "It is software, on the same cores: its figures say nothing about a GPU." : ""}`,
    "Both libraries run the same seeded random weights, one thread, in a fresh browser; files come from a server on the same machine, uncached. transformers.js has the tower and the language model as two models, gets ready pixel values (pali3 resizes the picture itself), and its q8 and q4 are those of its own conversion script.",
    `*Encode* is the first token less one token of decoding; *decode* is a 33-token answer less a 1-token answer, per token, after 64 tokens of prompt. *Cold* is the first call in a fresh browser, after loading. Peak memory is the proportional set size of the whole browser, sampled several times a second outside the timed warm runs; with an empty page it is ${megabytes(emptyPage)} MB.`,
    ...(single.length > 0 ? [`Where an answer takes more than ${distinct("budget").join(" or ")} seconds, a token is the median of the 32 of one answer, each timed by itself: ${single.join("; ")}.`] : []),
    ...failed.map(({ library, device, dtype, model, error }) => `Failed: ${library} ${device} ${dtype} ${model}: ${error}`),
    ...(builds.size > 1 ? [`pali3's figures come from ${builds.size} builds of it.`] : []),
    ...comparisons(results),
  ];
}

/** What the two libraries answered. */
function comparisons({ rows, reference }) {
  const said = [];
  for (const device of ["cpu", "webgpu"])
    for (const model of ["small", "base"]) {
      const [ours, peers] = ["pali3", "transformers.js"].map((library) => find(rows, { library, device, model, dtype: "f32" }));
      if (!ours?.ids || !peers?.ids) continue;
      const count = Math.min(ours.ids.length, peers.ids.length);
      const first = ours.ids.slice(0, count).findIndex((id, i) => id !== peers.ids[i]);
      const verdict = first < 0 ? `all ${count} equal` : `**different from token ${first + 1} of ${count} on**`;
      said.push(`Token ids of both libraries, f32, ${DEVICES[device]}, T5 1.1 ${model}: ${verdict}.`);
    }
  for (const { library, device, compared } of rows) {
    if (compared?.promptTokens) {
      const tokens = compared.promptTokens === 64 ? "" : ` **Its prompt had ${compared.promptTokens} tokens.**`;
      said.push(
        `Visual tokens of ${library} on ${DEVICES[device]}, f32, from those of \`pali3 encode\`: at most ${compared.difference.toExponential(1)} off, the largest value being ${compared.largest.toFixed(1)}.${tokens}`,
      );
    }
    if (compared?.answer) {
      const equal = compared.answer.join() === reference.join();
      said.push(`Answer about the picture of pali3 on ${DEVICES[device]}, f32, and of \`pali3 run\`: ids ${equal ? "equal" : "**different**"}.`);
    }
  }
  return said;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = resolve(dirname(process.argv[1]), "..");
  report(JSON.parse(readFileSync(join(root, "target/bench/results.json"), "utf8")), null);
}
