// Takes out of a WebAssembly module what nothing of ours can reach. A linker keeps every function that a table points to,
// called or not; burn's shader generator registers hundreds of such. Each becomes a trap of three bytes, and what only
// it has called goes with it in wasm-opt. Should a call come all the same, it ends as any trap does: in an error
// with a code, and a fresh instance.
//
// Names can mislead: functions with the same body are stored once, under the name of one of them, and which ones have the
// same body changes from compiler to compiler. Those are small, so small functions stay, whatever they are called.
// usage: node scripts/cut.mjs MODULE (in place, with the names still in it)
import { readFile, writeFile } from "node:fs/promises";
import { argv } from "node:process";

/** What is cut, by the functions' names, and why nothing calls it. A crate's name begins a path: methods may be called the same. */
const CUTS = [
  // pliron can read its operations, types and attributes from text. Kernels build them in memory.
  {
    what: "parsers of the shader generator's text",
    names:
      /\bParsable\b|(?<![\w:])(combine::|pliron::((parsable|irfmt::parsers)::|.*(parse(_impl)?\b|from_str))|rustc_apfloat::.*(string|from_str)|cubecl_ir::.*::parse_closure)/,
  },
  // Every view of a tensor in a generated kernel could be one of burn's own quantized tensors. Ours are plain words.
  {
    what: "burn's quantized tensors",
    names:
      /\bQuantizedView|(?<![\w:])(cubek_quant::|cubecl_std::quant::|burn_cubecl::.*(quant|q_reshape)|burn_.*\b(ops::qtensor::|QTensorOps\b))/,
  },
  // Numbers of 4 and 8 bits with an exponent, which a generated kernel would take apart with integers.
  { what: "floats of 4 and 8 bits", names: /(?<![\w:])cubecl_core::post_processing::(minifloat|fp4)::\w+::expand\b/ },
  // Random weights and sampling are made on the processor, from a seed that gives the same everywhere.
  { what: "random numbers on the GPU", names: /(?<![\w:])(cubek_random|burn_cubecl::kernel::prng)::/ },
  // LoRA and the like, which burn can put over a parameter. No model here does.
  { what: "reparameterized weights", names: /(?<![\w:])burn_core::.*\breparameterization_dyn::/ },
  // The standard library would print the calls that led to a panic, but finds none in WebAssembly: browsers do it.
  { what: "names in traces of calls", names: /(?<![\w:])rustc_demangle::/ },
];

/** Functions of fewer bytes stay. Of those that were seen to stand for something else too, the largest had 17. */
const SMALL = 100;

/** A function's code: its size, no locals, `unreachable`, `end`. */
const TRAP = Buffer.from([3, 0, 0x00, 0x0b]);

/** Magic number and version. */
const HEADER = 8;
const CUSTOM = 0;
const IMPORTS = 2;
const CODE = 10;

/** Reads a module's numbers (LEB128), names and sections. */
class Reader {
  constructor(bytes, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }

  number() {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.bytes[this.at++];
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  }

  /** As many bytes as the number in front of them says. */
  block() {
    const size = this.number();
    this.at += size;
    return this.bytes.subarray(this.at - size, this.at);
  }

  text() {
    return this.block().toString("utf8");
  }

  limits() {
    const bounded = this.number() & 1;
    this.number();
    if (bounded) this.number();
  }

  *sections() {
    for (this.at = HEADER; this.at < this.bytes.length; ) {
      const start = this.at;
      const id = this.bytes[this.at++];
      const content = this.block();
      yield { id, content, whole: this.bytes.subarray(start, this.at) };
    }
  }
}

/** How many functions a module imports: they come first in the numbering. */
function importedFunctions(content) {
  const reader = new Reader(content);
  let functions = 0;
  for (let left = reader.number(); left > 0; left -= 1) {
    reader.block();
    reader.block();
    const kind = reader.number();
    if (kind === 0) functions += 1;
    // A table has the type of its elements before its limits; a global has a type and whether it changes.
    if (kind !== 2) reader.number();
    if (kind === 1 || kind === 2) reader.limits();
    if (kind === 3) reader.number();
    if (kind > 3) throw new Error(`an import of the unknown kind ${kind}`);
  }
  return functions;
}

/** Names of functions by their numbers; null if this is not the section of names. */
function functionNames(content) {
  const reader = new Reader(content);
  if (reader.text() !== "name") return null;
  const names = new Map();
  while (reader.at < content.length) {
    const kind = reader.number();
    const part = new Reader(reader.block());
    if (kind !== 1) continue;
    for (let left = part.number(); left > 0; left -= 1) names.set(part.number(), part.text());
  }
  return names;
}

/**
 * What a function's name says of the function itself: without the types it was made for, which some compilers write
 * and some leave out, so that a list of parsers is no parser.
 */
function itself(name) {
  let kept = "";
  let depth = 0;
  for (let at = 0; at < name.length; at += 1) {
    const character = name[at];
    // `Vec<…>` and `f::<…>`, but not `<T as Trait>::f`.
    if (character === "<" && (depth > 0 || /[\w:\]]$/.test(kept))) depth += 1;
    else if (character === ">" && depth > 0) depth -= name[at - 1] === "-" ? 0 : 1;
    else if (depth === 0) kept += character;
  }
  // Crates may have a number: `core[c5930c85a12de822]::fmt`.
  return kept.replaceAll(/\[[0-9a-f]+\]/g, "");
}

function number(value) {
  const bytes = [];
  for (; value > 0x7f; value = Math.floor(value / 0x80)) bytes.push((value & 0x7f) | 0x80);
  return Buffer.from([...bytes, value]);
}

const file = argv[2];
const bytes = await readFile(file);
const sections = [...new Reader(bytes).sections()];
const first = sections.filter(({ id }) => id === IMPORTS).reduce((sum, { content }) => sum + importedFunctions(content), 0);
const names = sections.filter(({ id }) => id === CUSTOM).map(({ content }) => functionNames(content)).find(Boolean);
if (!names) throw new Error(`${file} has no names of functions`);

const found = CUTS.map(() => ({ functions: 0, bytes: 0 }));

/** The section of code with a trap for each function that is cut. */
function cut(content) {
  const reader = new Reader(content);
  const count = reader.number();
  const parts = [number(count)];
  for (let index = first; index < first + count; index += 1) {
    const start = reader.at;
    reader.block();
    const code = content.subarray(start, reader.at);
    const name = code.length < SMALL ? "" : itself(names.get(index) ?? "");
    const which = CUTS.findIndex(({ names: pattern }) => pattern.test(name));
    parts.push(which < 0 ? code : TRAP);
    if (which < 0) continue;
    found[which].functions += 1;
    found[which].bytes += code.length;
  }
  const whole = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([CODE]), number(whole.length), whole]);
}

const shrunk = sections.map(({ id, content, whole }) => (id === CODE ? cut(content) : whole));
await writeFile(file, Buffer.concat([bytes.subarray(0, HEADER), ...shrunk]));
CUTS.forEach(({ what }, which) => {
  if (found[which].functions > 0) console.log(`==> cut ${what}: ${found[which].functions} functions, ${found[which].bytes} bytes`);
});
