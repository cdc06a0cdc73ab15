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
}
