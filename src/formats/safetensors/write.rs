//! The one writer of safetensors files: the header first, then the tensors' bytes in any order and in pieces.

use super::ElementType;
use crate::error::{Error, Result};
use safetensors::tensor::{Metadata, TensorInfo};
use std::collections::HashMap;
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// A tensor as a file holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorSpec {
    /// Name in the file.
    pub name: String,
    /// Element type in the file.
    pub dtype: ElementType,
    /// Shape in the file.
    pub shape: Vec<usize>,
}

impl TensorSpec {
    /// Bytes in the file.
    pub fn bytes(&self) -> u64 {
        (self.shape.iter().product::<usize>() * self.dtype.size()) as u64
    }
}

/// A file whose header is written, and whose tensors are.
#[derive(Debug)]
pub struct FileWriter {
    path: PathBuf,
    file: File,
    /// First byte of each tensor in the file, and how many it has.
    ranges: HashMap<String, (u64, u64)>,
}

impl FileWriter {
    /// Starts a file with room for these tensors, in this order but for those whose bytes are no multiple of four: they go last,
    /// so that all others start on one. `metadata` goes beside `format`, without which transformers refuses a file.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be written, [`Error::Corrupt`] for tensors that no header can describe.
    pub fn create(
        path: &Path,
        tensors: &[&TensorSpec],
        metadata: &[(&str, String)],
    ) -> Result<Self> {
        let mut tensors = tensors.to_vec();
        tensors.sort_by_key(|tensor| !tensor.bytes().is_multiple_of(4));
        let mut end = 0;
        let infos: Vec<(String, TensorInfo)> = tensors
            .iter()
            .map(|tensor| {
                let start = end;
                end += tensor.bytes() as usize;
                let info = TensorInfo {
                    dtype: tensor.dtype.into(),
                    shape: tensor.shape.clone(),
                    data_offsets: (start, end),
                };
                (tensor.name.clone(), info)
            })
            .collect();
        let format = [("format".to_string(), "pt".to_string())];
        let own = metadata
            .iter()
            .map(|(key, value)| (key.to_string(), value.clone()));
        let file_name = path.display().to_string();
        let metadata = Metadata::new(Some(format.into_iter().chain(own).collect()), infos.clone())
            .map_err(|error| Error::corrupt(&file_name, error))?;
        let mut header =
            serde_json::to_vec(&metadata).map_err(|error| Error::corrupt(&file_name, error))?;
        header.resize(header.len().next_multiple_of(8), b' ');
        let data = 8 + header.len() as u64;
        let start = || -> std::io::Result<File> {
            let mut file = File::options()
                .read(true)
                .write(true)
                .create(true)
                .truncate(true)
                .open(path)?;
            file.write_all(&(header.len() as u64).to_le_bytes())?;
            file.write_all(&header)?;
            file.set_len(data + end as u64)?;
            Ok(file)
        };
        Ok(Self {
            path: path.to_path_buf(),
            file: start().map_err(|error| io(path, &error))?,
            ranges: infos
                .into_iter()
                .map(|(name, info)| {
                    let (start, end) = info.data_offsets;
                    (name, (data + start as u64, (end - start) as u64))
                })
                .collect(),
        })
    }

    /// Writes some of a tensor's bytes, from its byte `first` on.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be written; [`Error::InvalidInput`] for bytes that are not the tensor's.
    pub fn write(&mut self, tensor: &str, first: u64, bytes: &[u8]) -> Result<()> {
        let range = self.ranges.get(tensor).copied();
        let Some((start, _)) = range.filter(|(_, size)| first + bytes.len() as u64 <= *size) else {
            let problem = format!("{} bytes from {first} are not in the header", bytes.len());
            return Err(Error::input(tensor, problem));
        };
        self.file
            .seek(SeekFrom::Start(start + first))
            .and_then(|_| self.file.write_all(bytes))
            .map_err(|error| io(&self.path, &error))
    }

    /// The file, to be read back.
    #[cfg(feature = "cli")]
    pub(crate) fn into_file(self) -> File {
        self.file
    }
}

/// Writes a whole file: tensors and their bytes, which have to be as many as the shapes say.
///
/// # Errors
/// As [`FileWriter::create`] and [`FileWriter::write`].
pub(crate) fn write_file(
    path: &Path,
    tensors: &[(TensorSpec, Vec<u8>)],
    metadata: &[(&str, String)],
) -> Result<()> {
    let specs: Vec<&TensorSpec> = tensors.iter().map(|(spec, _)| spec).collect();
    let mut writer = FileWriter::create(path, &specs, metadata)?;
    for (spec, bytes) in tensors {
        writer.write(&spec.name, 0, bytes)?;
    }
    Ok(())
}

fn io(path: &Path, error: &std::io::Error) -> Error {
    Error::Io {
        file: path.display().to_string(),
        problem: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use safetensors::SafeTensors;

    #[test]
    fn what_is_written_is_read() {
        let folder = std::env::temp_dir().join(format!("pali3-safetensors-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("x.safetensors");
        let spec = |name: &str, dtype, shape: &[usize]| TensorSpec {
            name: name.into(),
            dtype,
            shape: shape.to_vec(),
        };
        // Three halves leave what follows off a multiple of four, unless they go last.
        let halves = (
            spec("halves", ElementType::F16, &[3]),
            vec![1, 2, 3, 4, 5, 6],
        );
        let words = (spec("words", ElementType::U32, &[1, 2]), vec![7; 8]);
        let tensors = [halves, words];
        write_file(&path, &tensors, &[("note", "kept".into())]).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
        let metadata = header.metadata().as_ref().unwrap();
        assert_eq!(
            (metadata["format"].as_str(), metadata["note"].as_str()),
            ("pt", "kept")
        );
        let read = SafeTensors::deserialize(&bytes).unwrap();
        for (spec, expected) in &tensors {
            let found = read.tensor(&spec.name).unwrap();
            assert_eq!(
                (found.shape(), found.data()),
                (&spec.shape[..], &expected[..])
            );
        }
        let specs: Vec<&TensorSpec> = tensors.iter().map(|(spec, _)| spec).collect();
        let mut writer = FileWriter::create(&path, &specs, &[]).unwrap();
        for (tensor, first) in [("words", 1), ("nothing", 0)] {
            let error = writer.write(tensor, first, &[0; 8]).unwrap_err();
            assert_eq!(error.code(), "InvalidInput", "{error}");
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
