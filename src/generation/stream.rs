//! Text in pieces that stay true: what has been shown is never taken back.

/// What [`TextStream::push`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Text that can be shown now; empty while it is still uncertain.
    pub text: String,
    /// A stop string has come: the text ends before it.
    pub stopped: bool,
}

/// Turns the growing decoded text of a sequence into pieces.
///
/// Held back are characters of which not all bytes have come (decoders write U+FFFD for them) and
/// what may be the beginning of a stop string.
#[derive(Debug, Clone, Default)]
pub struct TextStream {
    stop: Vec<String>,
    /// Bytes of the decoded text that have been shown.
    shown: usize,
}

impl TextStream {
    /// A stream that ends before the first of the `stop` strings.
    pub fn new(stop: &[String]) -> Self {
        Self {
            stop: stop.to_vec(),
            shown: 0,
        }
    }

    /// `text` is the decoded text of *all* tokens so far; `last` says that no more will come,
    /// so that nothing is held back any longer.
    pub fn push(&mut self, text: &str, last: bool) -> Chunk {
        let nothing = Chunk {
            text: String::new(),
            stopped: false,
        };
        if !last && text.ends_with(char::REPLACEMENT_CHARACTER) {
            return nothing;
        }
        // Decoders only ever add text, except that a byte sequence turning out to be invalid may rewrite its own.
        let start = text.floor_char_boundary(self.shown);
        let found = find_first(text, &self.stop);
        let end = match found {
            Some(position) => position,
            None if last => text.len(),
            None => text.len() - possible_stop(text, &self.stop),
        };
        if end <= start {
            return Chunk {
                stopped: found.is_some(),
                ..nothing
            };
        }
        self.shown = end;
        Chunk {
            text: text[start..end].to_string(),
            stopped: found.is_some(),
        }
    }
}

/// Byte position of the first stop string in `text`.
pub(super) fn find_first(text: &str, stop: &[String]) -> Option<usize> {
    stop.iter()
        .filter_map(|stop| text.find(stop.as_str()))
        .min()
}

/// Length in bytes of the longest end of `text` that is the beginning of a stop string.
fn possible_stop(text: &str, stop: &[String]) -> usize {
    stop.iter()
        .flat_map(|stop| stop.char_indices().map(|(length, _)| &stop[..length]))
        .filter(|beginning| text.ends_with(beginning))
        .map(str::len)
        .max()
        .unwrap_or(0)
}
