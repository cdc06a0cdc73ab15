//! The folder that a command writes a model into.

use std::path::Path;

use crate::error::{Error, Result};
use crate::files;
use crate::session::SELF_TEST;

/// Makes the folder. A folder that holds weights is refused, with `advice`: nothing is overwritten. A self test goes, because it
/// belongs to other weights.
///
/// # Errors
/// [`Error::InvalidOption`] for a folder with weights, [`Error::Io`].
pub(super) fn prepare(out: &Path, advice: &str) -> Result<()> {
    files::create_folder(out)?;
    for entry in std::fs::read_dir(out).map_err(|error| files::io_error(out, &error))? {
        let path = entry.map_err(|error| files::io_error(out, &error))?.path();
        if path.extension().is_some_and(|e| e == "safetensors") {
            let problem = format!("{} is there already; {advice}", path.display());
            return Err(Error::option("out", problem));
        }
    }
    match std::fs::remove_file(out.join(SELF_TEST)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(files::io_error(out, &error))
        }
        _ => Ok(()),
    }
}

/// What to do about a folder that holds weights.
pub(super) const CHOOSE_ANOTHER: &str = "choose another folder";

/// A number of bytes as options write it: `256M` is 256,000,000.
///
/// # Errors
/// [`Error::InvalidOption`] for anything else.
pub(super) fn bytes(option: &str, text: &str) -> Result<u64> {
    let digits = text.trim_end_matches(['K', 'M', 'G']);
    let factor = match &text[digits.len()..] {
        "" => Some(1),
        "K" => Some(1_000),
        "M" => Some(1_000_000),
        "G" => Some(1_000_000_000),
        _ => None,
    };
    let number: Option<u64> = digits.parse().ok();
    let bytes = number
        .zip(factor)
        .and_then(|(n, factor)| n.checked_mul(factor));
    bytes.filter(|&bytes| bytes > 0).ok_or_else(|| {
        let problem = format!("expected a number of bytes such as 256M, found {text:?}");
        Error::option(option, problem)
    })
}
