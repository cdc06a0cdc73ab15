//! Checks sentencepiece's compiled normalization table before `tokenizers` walks it: a broken one makes that library
//! panic, on reading or only at some later prompt, and in WebAssembly a panic is the end.
//!
//! The table: bytes of the trie (u32), the trie (Darts double array of u32), replacement texts ended by NUL.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::Value;

/// The one part of `tokenizer.json` that matters here.
#[derive(Deserialize)]
struct File {
    normalizer: Option<Value>,
}

/// Checks each `Precompiled` normalizer in the bytes of a `tokenizer.json`; what else is wrong, `tokenizers` says.
pub(super) fn check(json: &[u8]) -> Result<(), String> {
    let file: File = serde_json::from_slice(json).map_err(|problem| problem.to_string())?;
    file.normalizer.as_ref().map_or(Ok(()), check_normalizer)
}

fn check_normalizer(normalizer: &Value) -> Result<(), String> {
    if let Some(parts) = normalizer.get("normalizers").and_then(Value::as_array) {
        return parts.iter().try_for_each(check_normalizer);
    }
    // By the key and not by the type, which files of old leave out.
    let table = match normalizer.get("precompiled_charsmap") {
        Some(table) => table.as_str().ok_or("precompiled_charsmap is no text")?,
        None if normalizer.get("type").and_then(Value::as_str) == Some("Precompiled") => {
            return Err("precompiled_charsmap is missing".into());
        }
        None => return Ok(()),
    };
    let bytes = STANDARD
        .decode(table)
        .map_err(|problem| format!("precompiled_charsmap: {problem}"))?;
    check_table(&bytes).ok_or_else(|| {
        format!(
            "precompiled_charsmap: {} bytes that do not fit together",
            bytes.len()
        )
    })
}

/// Walks every node that some text can reach; `None` when a step would leave the trie or the replacements.
fn check_table(bytes: &[u8]) -> Option<()> {
    let (size, rest) = bytes.split_first_chunk::<4>()?;
    let size = u32::from_le_bytes(*size) as usize / 4 * 4;
    let (trie, replacements) = rest.split_at_checked(size)?;
    let replacements = std::str::from_utf8(replacements).ok()?;
    let units: Vec<usize> = trie
        .as_chunks::<4>()
        .0
        .iter()
        .map(|&unit| u32::from_le_bytes(unit) as usize)
        .collect();

    let mut seen = vec![false; units.len()];
    let mut nodes = vec![offset(*units.first()?)];
    while let Some(node) = nodes.pop() {
        if std::mem::replace(seen.get_mut(node)?, true) {
            continue;
        }
        for byte in 1..=255 {
            // Looked at whether or not there is such a child.
            let unit = *units.get(node ^ byte)?;
            if unit & (1 << 31 | 0xFF) != byte {
                continue;
            }
            let child = node ^ byte ^ offset(unit);
            if unit >> 8 & 1 == 1 {
                let start = units.get(child)? & 0x7FFF_FFFF;
                replacements.get(start..)?;
            }
            nodes.push(child);
        }
    }
    Some(())
}

/// How far a unit's children are from it, by exclusive or.
fn offset(unit: usize) -> usize {
    (unit >> 10) << ((unit & 1 << 9) >> 6)
}
