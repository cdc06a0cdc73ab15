//! Shader sources as they go into the program: without comments and indentation, which every visitor would download.

/// How long [`strip`] makes a source.
pub(super) const fn stripped_len(source: &str) -> usize {
    walk(source.as_bytes(), &mut [])
}

/// The source without comments, indentation and empty lines; `N` is its [`stripped_len`].
pub(super) const fn strip<const N: usize>(source: &str) -> [u8; N] {
    let mut stripped = [0; N];
    walk(source.as_bytes(), &mut stripped);
    stripped
}

/// Writes what is kept, where there is room for it, and counts it.
const fn walk(source: &[u8], out: &mut [u8]) -> usize {
    let (mut at, mut kept) = (0, 0);
    let mut line_begins = true;
    while at < source.len() {
        let byte = source[at];
        if byte == b'/' && at + 1 < source.len() && source[at + 1] == b'/' {
            while at < source.len() && source[at] != b'\n' {
                at += 1;
            }
            continue;
        }
        let dropped = line_begins && (byte == b' ' || byte == b'\n');
        if !dropped {
            if kept < out.len() {
                out[kept] = byte;
            }
            kept += 1;
            line_begins = byte == b'\n';
        }
        at += 1;
    }
    kept
}

/// `include_str!` of a shader, stripped.
macro_rules! wgsl {
    ($file:literal) => {{
        const SOURCE: &str = include_str!($file);
        const STRIPPED: [u8; $crate::compute::gpu::source::stripped_len(SOURCE)] =
            $crate::compute::gpu::source::strip(SOURCE);
        const TEXT: &str = match core::str::from_utf8(&STRIPPED) {
            Ok(text) => text,
            Err(_) => panic!("a shader that is not UTF-8"),
        };
        TEXT
    }};
}
pub(super) use wgsl;

/// The source of one variant of a kernel: lines between `#if flag` and `#else` or `#end` are there where the flag is, those between
/// `#else` and `#end` where it is not.
pub(super) fn chosen(source: &str, flag: impl Fn(&str) -> bool) -> String {
    let mut text = String::new();
    let mut there = true;
    for line in source.lines() {
        match (line.strip_prefix("#if "), line) {
            (Some(name), _) => there = flag(name),
            (_, "#else") => there = !there,
            (_, "#end") => there = true,
            _ if there => {
                text += line;
                text.push('\n');
            }
            _ => {}
        }
    }
    text
}

/// What a thread of a software adapter computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct ThreadTile {
    pub(super) rows: usize,
    pub(super) outputs: usize,
    /// Four threads read the rows, a multiple of four, together.
    pub(super) quads: bool,
}

/// A source written out for a thread with such a tile, whose sums have to have fixed places: lines with `$j` stand for each
/// output, those in a row together; lines with `$i`, also among those, for each row. Lines with `$o` stand for each row that the
/// thread reads, lines with `$t` for each that it takes by `quadSwap$n` from what a neighbour has read as `$f`. `ROWS` and
/// `OUTPUTS` are the numbers.
pub(super) fn unrolled(source: &str, tile: ThreadTile) -> String {
    let lines: Vec<&str> = source.lines().collect();
    let mut text = String::new();
    for run in lines.chunk_by(|a, b| a.contains("$j") == b.contains("$j")) {
        let outputs = if run[0].contains("$j") {
            tile.outputs
        } else {
            1
        };
        for j in 0..outputs {
            for part in run.chunk_by(|a, b| mark(a) == mark(b)) {
                for row in rows_of(mark(part[0]), tile) {
                    for line in part {
                        text += &for_row(line, row).replace("$j", &j.to_string());
                        text.push('\n');
                    }
                }
            }
        }
    }
    text.replace("ROWS", &format!("{}u", tile.rows))
        .replace("OUTPUTS", &format!("{}u", tile.outputs))
}

/// What of a row a line is about.
fn mark(line: &str) -> Option<&'static str> {
    ["$i", "$o", "$t"]
        .into_iter()
        .find(|&mark| line.contains(mark))
}

/// The rows for which lines with this mark are written; lines without one are written once.
fn rows_of(mark: Option<&str>, ThreadTile { rows, quads, .. }: ThreadTile) -> Vec<usize> {
    let own = |row: &usize| !quads || row.is_multiple_of(4);
    match mark {
        None => vec![0],
        Some("$o") => (0..rows).filter(own).collect(),
        Some("$t") => (0..rows).filter(|row| !own(row)).collect(),
        Some(_) => (0..rows).collect(),
    }
}

fn for_row(line: &str, row: usize) -> String {
    const NEIGHBOURS: [&str; 4] = ["", "X", "Y", "Diagonal"];
    ["$i", "$o", "$t"]
        .into_iter()
        .fold(line.to_string(), |line, mark| {
            line.replace(mark, &row.to_string())
        })
        .replace("$f", &(row & !3).to_string())
        .replace("$n", NEIGHBOURS[row & 3])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_indentation_and_empty_lines_go() {
        const SOURCE: &str = "// first\n\nfn f(x: u32) {\n  // 1\n  return x / 2u; // half\n}\n";
        const STRIPPED: [u8; stripped_len(SOURCE)] = strip(SOURCE);
        let expected = "fn f(x: u32) {\nreturn x / 2u; \n}\n";
        assert_eq!(core::str::from_utf8(&STRIPPED), Ok(expected));
    }

    #[test]
    fn lines_of_other_variants_go() {
        let source = "a\n#if b\nb\n#else\nc\n#end\n#if d\nd\n#end\ne\n";
        assert_eq!(chosen(source, |flag| flag == "b"), "a\nb\ne\n");
        assert_eq!(chosen(source, |flag| flag == "d"), "a\nc\nd\ne\n");
    }

    #[test]
    fn lines_of_rows_and_outputs_are_written_out() {
        let source = "a[ROWS];\nlet r$o;\nlet s$o;\nlet s$t = quadSwap$n(s$f);\nlet o$j;\nsum[$j * OUTPUTS + $i];\nend;\n";
        let expected = "a[2u];\nlet r0;\nlet s0;\nlet r1;\nlet s1;\nlet o0;\nsum[0 * 3u + 0];\nsum[0 * 3u + 1];\n\
                        let o1;\nsum[1 * 3u + 0];\nsum[1 * 3u + 1];\nlet o2;\nsum[2 * 3u + 0];\nsum[2 * 3u + 1];\nend;\n";
        let tile = |rows, outputs, quads| ThreadTile {
            rows,
            outputs,
            quads,
        };
        assert_eq!(unrolled(source, tile(2, 3, false)), expected);
        let source = "let r$o;\nlet r$t = quadSwap$n(r$f);\nsum[$i];\n";
        let expected = "let r0;\nlet r4;\nlet r1 = quadSwapX(r0);\nlet r2 = quadSwapY(r0);\nlet r3 = quadSwapDiagonal(r0);\n\
                        let r5 = quadSwapX(r4);\nlet r6 = quadSwapY(r4);\nlet r7 = quadSwapDiagonal(r4);\n\
                        sum[0];\nsum[1];\nsum[2];\nsum[3];\nsum[4];\nsum[5];\nsum[6];\nsum[7];\n";
        assert_eq!(unrolled(source, tile(8, 1, true)), expected);
    }
}
