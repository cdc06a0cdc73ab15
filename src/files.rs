//! Reading and writing whole files, with errors that name the file.

use crate::error::{Error, Result};
use std::io::ErrorKind;
use std::path::Path;

/// The bytes of a file.
///
/// # Errors
/// [`Error::NotFound`] or [`Error::Io`].
pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => Error::NotFound {
            file: path.display().to_string(),
        },
        _ => io_error(path, &error),
    })
}

/// Writes a file whole.
///
/// # Errors
/// [`Error::Io`].
pub(crate) fn write(path: &Path, contents: impl AsRef<[u8]>) -> Result<()> {
    std::fs::write(path, contents).map_err(|error| io_error(path, &error))
}

/// Makes a folder and those above it; one that exists already is left as it is.
///
/// # Errors
/// [`Error::Io`].
#[cfg(feature = "cli")]
pub(crate) fn create_folder(path: &Path) -> Result<()> {
    std::fs::create_dir_all(path).map_err(|error| io_error(path, &error))
}

/// [`Error::Io`] with the system's own words.
pub(crate) fn io_error(path: &Path, error: &std::io::Error) -> Error {
    Error::Io {
        file: path.display().to_string(),
        problem: error.to_string(),
    }
}

/// An empty folder of a test's own, gone at its end.
#[cfg(test)]
pub(crate) struct ScratchFolder(pub(crate) std::path::PathBuf);

#[cfg(test)]
impl ScratchFolder {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("pali3-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

#[cfg(test)]
impl Drop for ScratchFolder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
