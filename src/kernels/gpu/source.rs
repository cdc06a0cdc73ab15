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
        const STRIPPED: [u8; $crate::kernels::gpu::source::stripped_len(SOURCE)] =
            $crate::kernels::gpu::source::strip(SOURCE);
        const TEXT: &str = match core::str::from_utf8(&STRIPPED) {
            Ok(text) => text,
            Err(_) => panic!("a shader that is not UTF-8"),
        };
        TEXT
    }};
}
pub(super) use wgsl;

/// A source written out for a thread with so many rows and outputs, whose sums have to have fixed places: lines with `$i` stand
/// for each row, lines with `$j` for each output, those in a row together; among lines of an output those with `$i` for each row.
/// `ROWS` and `OUTPUTS` are the numbers.
pub(super) fn unrolled(source: &str, [rows, outputs]: [usize; 2]) -> String {
    let lines: Vec<&str> = source.lines().collect();
    let mut text = String::new();
    for run in lines.chunk_by(|a, b| a.contains("$j") == b.contains("$j")) {
        for j in 0..repeated(run, "$j", outputs) {
            for part in run.chunk_by(|a, b| a.contains("$i") == b.contains("$i")) {
                for i in 0..repeated(part, "$i", rows) {
                    for line in part {
                        let line = line.replace("$i", &i.to_string());
                        text += &line.replace("$j", &j.to_string());
                        text.push('\n');
                    }
                }
            }
        }
    }
    text.replace("ROWS", &format!("{rows}u"))
        .replace("OUTPUTS", &format!("{outputs}u"))
}

/// How often these lines are written.
fn repeated(lines: &[&str], what: &str, times: usize) -> usize {
    if lines[0].contains(what) { times } else { 1 }
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
    fn lines_of_rows_and_outputs_are_written_out() {
        let source = "a[ROWS];\nlet r$i;\nlet s$i;\nlet o$j;\nsum[$j * OUTPUTS + $i];\nend;\n";
        let expected = "a[2u];\nlet r0;\nlet s0;\nlet r1;\nlet s1;\nlet o0;\nsum[0 * 3u + 0];\nsum[0 * 3u + 1];\n\
                        let o1;\nsum[1 * 3u + 0];\nsum[1 * 3u + 1];\nlet o2;\nsum[2 * 3u + 0];\nsum[2 * 3u + 1];\nend;\n";
        assert_eq!(unrolled(source, [2, 3]), expected);
    }
}
