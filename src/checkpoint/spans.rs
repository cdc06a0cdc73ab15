//! What is read at once: neighbouring small tensors together, a large tensor in chunks of whole rows.

use super::open::{Checkpoint, Entry};
use std::collections::BTreeMap;
use std::ops::Range;

/// Bytes asked for at once, unless one row is larger. What is in memory of a model while it loads.
pub(super) const CHUNK: u64 = 8 << 20;

/// A range of a file, and what lies in it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// Index of the file.
    pub(super) file: usize,
    /// Bytes of the file.
    pub(super) range: Range<u64>,
    pub(super) chunks: Vec<Chunk>,
}

/// A tensor, or some rows of one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Chunk {
    /// Index of the entry.
    pub(super) entry: usize,
    /// Bytes of the file.
    pub(super) range: Range<u64>,
}

/// Cuts the files into spans. Every byte behind the headers of a file that has to be hashed is in one of them; of others
/// only the wanted tensors.
pub(super) fn spans<T>(checkpoint: &Checkpoint, wanted: &BTreeMap<usize, T>) -> Vec<Span> {
    let mut spans = vec![];
    for (file, about) in checkpoint.files.iter().enumerate() {
        let hashed = about.shard.is_some();
        let mut at = about.header;
        for (i, entry) in checkpoint.entries.iter().enumerate() {
            if entry.file != about.name || !wanted.contains_key(&i) {
                continue;
            }
            if hashed {
                gap(file, at..entry.range.start, &mut spans);
            }
            at = entry.range.end;
            tensor(file, i, entry, &mut spans);
        }
        if hashed {
            gap(file, at..about.size, &mut spans);
        }
    }
    spans
}

/// Bytes that are read only to be hashed.
fn gap(file: usize, range: Range<u64>, spans: &mut Vec<Span>) {
    let mut start = range.start;
    while start < range.end {
        let end = range.end.min(start + CHUNK);
        spans.push(Span {
            file,
            range: start..end,
            chunks: vec![],
        });
        start = end;
    }
}

/// Bytes of the whole rows of a tensor that fit a chunk, or of one row.
pub(super) fn rows_at_once(entry: &Entry) -> u64 {
    let rows = entry.shape.first().copied().unwrap_or(1).max(1) as u64;
    let row = (entry.bytes() / rows).max(1);
    (CHUNK / row).max(1) * row
}

fn tensor(file: usize, i: usize, entry: &Entry, spans: &mut Vec<Span>) {
    let chunk = |range: Range<u64>| Chunk { entry: i, range };
    // Beside its neighbour, where both are small.
    if let Some(last) = spans.last_mut()
        && last.file == file
        && last.range.end == entry.range.start
        && !last.chunks.is_empty()
        && entry.range.end - last.range.start <= CHUNK
    {
        last.range.end = entry.range.end;
        last.chunks.push(chunk(entry.range.clone()));
        return;
    }
    let step = rows_at_once(entry);
    let mut start = entry.range.start;
    loop {
        let end = entry.range.end.min(start + step);
        spans.push(Span {
            file,
            range: start..end,
            chunks: vec![chunk(start..end)],
        });
        start = end;
        if start >= entry.range.end {
            break;
        }
    }
}
