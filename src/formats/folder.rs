//! Where a model's files come from: a directory, a server, or a page's own files.

use crate::error::{Error, Result};
use std::ops::Range;

/// A folder of files, addressed by name. Small files are read whole, weights in pieces.
#[allow(async_fn_in_trait)] // single-threaded by design: wasm futures are not `Send`
pub trait ModelFolder {
    /// Full name of a file, for messages.
    fn describe(&self, file: &str) -> String;
    /// The whole file, or `None` when there is no such file.
    async fn read(&self, file: &str) -> Result<Option<Vec<u8>>>;
    /// Size of a file in bytes, or `None` when there is no such file.
    async fn size(&self, file: &str) -> Result<Option<u64>>;
    /// The bytes of `range`, all of them.
    async fn read_range(&self, file: &str, range: Range<u64>) -> Result<Vec<u8>>;

    /// The whole file.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it is not there.
    async fn require(&self, file: &str) -> Result<Vec<u8>> {
        self.read(file).await?.ok_or_else(|| Error::NotFound {
            file: self.describe(file),
        })
    }
}

/// The bytes of `range`, which a folder of any kind may have fewer of than its files' sizes said.
///
/// # Errors
/// The folder's; [`Error::Corrupt`] for fewer or more bytes.
pub(crate) async fn read_exactly(
    folder: &impl ModelFolder,
    file: &str,
    range: Range<u64>,
) -> Result<Vec<u8>> {
    let (start, length) = (range.start, range.end - range.start);
    let bytes = folder.read_range(file, range).await?;
    if bytes.len() as u64 != length {
        let problem = format!(
            "truncated: expected {length} bytes from {start}, found {}",
            bytes.len()
        );
        return Err(Error::corrupt(folder.describe(file), problem));
    }
    Ok(bytes)
}

/// A directory of the file system.
#[cfg(not(target_arch = "wasm32"))]
#[derive(Debug, Clone)]
pub struct DirFolder {
    path: std::path::PathBuf,
}

#[cfg(not(target_arch = "wasm32"))]
impl DirFolder {
    /// # Errors
    /// [`Error::NotFound`] when the directory does not exist.
    pub fn new(path: impl Into<std::path::PathBuf>) -> Result<Self> {
        let path = path.into();
        if !path.is_dir() {
            return Err(Error::NotFound {
                file: path.display().to_string(),
            });
        }
        Ok(Self { path })
    }

    fn fail(&self, file: &str, error: std::io::Error) -> Error {
        let file = self.describe(file);
        match error.kind() {
            std::io::ErrorKind::NotFound => Error::NotFound { file },
            _ => Error::Io {
                file,
                problem: error.to_string(),
            },
        }
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl ModelFolder for DirFolder {
    fn describe(&self, file: &str) -> String {
        self.path.join(file).display().to_string()
    }

    async fn read(&self, file: &str) -> Result<Option<Vec<u8>>> {
        match std::fs::read(self.path.join(file)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.fail(file, error)),
        }
    }

    async fn size(&self, file: &str) -> Result<Option<u64>> {
        match std::fs::metadata(self.path.join(file)) {
            Ok(metadata) => Ok(Some(metadata.len())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.fail(file, error)),
        }
    }

    async fn read_range(&self, file: &str, range: Range<u64>) -> Result<Vec<u8>> {
        use std::io::{Read, Seek, SeekFrom};
        let mut bytes = vec![0; (range.end - range.start) as usize];
        let read = || {
            let mut open = std::fs::File::open(self.path.join(file))?;
            open.seek(SeekFrom::Start(range.start))?;
            open.read_exact(&mut bytes)
        };
        let mut read = read;
        read().map_err(|error| self.fail(file, error))?;
        Ok(bytes)
    }
}
