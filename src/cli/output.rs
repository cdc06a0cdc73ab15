//! What goes to stdout.

use std::io::{ErrorKind, Write};

use serde::Serialize;

use crate::error::{Error, Result};

/// Writes text as it is and flushes, so that it shows at once.
///
/// # Errors
/// [`Error::Io`]; a reader that has gone (`pali3 run … | head`) ends the process instead, as it does for other tools.
pub(super) fn text(text: &str) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => Err(Error::Io {
            file: "stdout".to_string(),
            problem: error.to_string(),
        }),
    }
}

/// Writes one line of JSON.
pub(super) fn json(value: &impl Serialize) -> Result<()> {
    let line = serde_json::to_string(value).map_err(|error| Error::Io {
        file: "stdout".to_string(),
        problem: error.to_string(),
    })?;
    text(&format!("{line}\n"))
}
