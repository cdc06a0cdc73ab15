//! A checkpoint of one or several safetensors files: opened by its headers, checked, then streamed.

use super::folder::ModelFolder;
use super::header::{ElementType, TensorInfo, read_header};
use super::names::{Kind, canonical};
use super::slots::{Slot, fill, slots};
use crate::config::parse_json;
use crate::error::{Error, Result};
use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};

const SINGLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";

/// Bytes asked for at once: neighbouring small tensors come in one request, a larger tensor in one of its own.
const PIECE: u64 = 8 << 20;

/// How far a load has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// File being read.
    pub file: String,
    /// Bytes of weights on the device so far, over all files.
    pub loaded: u64,
    /// Bytes of weights in all files.
    pub total: u64,
}

/// One tensor of a checkpoint.
#[derive(Debug, Clone)]
pub struct Entry {
    /// File that holds it.
    pub file: String,
    /// Its name in that file.
    pub name: String,
    /// Its published name.
    pub published: String,
    /// Shape in the file.
    pub shape: Vec<usize>,
    /// Type in the file; the name of the type where it cannot be read.
    pub dtype: std::result::Result<ElementType, String>,
    /// Where its bytes lie in the file.
    range: std::ops::Range<u64>,
}

impl Entry {
    /// Bytes in the file.
    pub fn bytes(&self) -> u64 {
        self.range.end - self.range.start
    }
}

/// The headers of a checkpoint's files.
#[derive(Debug)]
pub struct Checkpoint {
    kind: Kind,
    /// What to call the whole in messages: the file, or the index of the shards.
    source: String,
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

impl Checkpoint {
    /// Reads the headers, not the tensors.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a missing file, [`Error::Corrupt`] for a header or index that is broken.
    pub async fn open(folder: &impl ModelFolder, kind: Kind) -> Result<Self> {
        // The single file first, as transformers does; its absence is what an index is for.
        let index = match folder.size(SINGLE).await? {
            Some(_) => None,
            None => folder.read(INDEX).await?,
        };
        let (source, files, index) = match index {
            Some(bytes) => {
                let source = folder.describe(INDEX);
                let index: Index = parse_json(&source, &bytes)?;
                let files: BTreeSet<String> = index.weight_map.values().cloned().collect();
                // An index is data from outside: it names files of its own folder and nothing else.
                if let Some(file) = files.iter().find(|file| file.contains(['/', '\\'])) {
                    let problem = format!("shard {file:?} is not a file name");
                    return Err(Error::corrupt(source, problem));
                }
                (source, files.into_iter().collect(), Some(index))
            }
            None => (folder.describe(SINGLE), vec![SINGLE.to_string()], None),
        };
        let mut entries = Vec::new();
        for file in &files {
            let header = read_header(folder, file).await?;
            if let Some(index) = &index {
                check_index(index, &source, file, &header)?;
            }
            entries.extend(header.into_iter().filter_map(|info| {
                let published = canonical(kind, &info.name)?;
                Some(Entry {
                    file: file.clone(),
                    name: info.name,
                    published,
                    shape: info.shape,
                    dtype: info.dtype,
                    range: info.range,
                })
            }));
        }
        entries.sort_by(|a, b| (&a.file, a.range.start).cmp(&(&b.file, b.range.start)));
        let mut seen = BTreeSet::new();
        // Tied copies (`encoder.embed_tokens` beside `shared`) hold the same values: the first one counts.
        entries.retain(|entry| seen.insert(entry.published.clone()));
        Ok(Self {
            kind,
            source,
            entries,
        })
    }

    /// Whether there is a tensor of this published name.
    pub fn has(&self, published: &str) -> bool {
        self.entries.iter().any(|e| e.published == published)
    }

    /// All tensors that a model of this kind could use, in file order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Everything that keeps these tensors from being put into these slots; empty when all is well.
    pub fn problems(&self, slots: &[Slot]) -> Vec<Error> {
        let expected: HashMap<&str, &Slot> = slots.iter().map(|s| (s.name.as_str(), s)).collect();
        let found: BTreeSet<&str> = self.entries.iter().map(|e| e.published.as_str()).collect();
        let mut problems = Vec::new();
        let missing: Vec<String> = slots
            .iter()
            .filter(|slot| !found.contains(slot.name.as_str()))
            .map(|slot| format!("{} {:?}", slot.name, slot.shape))
            .collect();
        if !missing.is_empty() {
            problems.push(Error::MissingTensors {
                file: self.source.clone(),
                tensors: missing,
            });
        }
        let mut left_over = Vec::new();
        for entry in &self.entries {
            let Some(slot) = expected.get(entry.published.as_str()) else {
                left_over.push(entry.name.clone());
                continue;
            };
            if slot.shape != entry.shape {
                problems.push(Error::TensorShape {
                    file: entry.file.clone(),
                    tensor: entry.name.clone(),
                    expected: slot.shape.clone(),
                    found: entry.shape.clone(),
                });
            } else if let Err(found) = &entry.dtype {
                problems.push(Error::TensorDtype {
                    file: entry.file.clone(),
                    tensor: entry.name.clone(),
                    found: found.clone(),
                });
            }
        }
        if !left_over.is_empty() {
            problems.push(Error::LeftoverTensors {
                file: self.source.clone(),
                tensors: left_over,
            });
        }
        problems
    }

    /// Streams the tensors into a model, in file order; each is on the device before the next is read.
    ///
    /// # Errors
    /// The first of [`Checkpoint::problems`], before anything is read; then whatever reading or the device brings.
    pub async fn load<M: Module>(
        &self,
        folder: &impl ModelFolder,
        model: M,
        device: &Device,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<M> {
        if let Some(problem) = self.problems(&slots(self.kind, &model)).into_iter().next() {
            return Err(problem);
        }
        let total = self.entries.iter().map(Entry::bytes).sum();
        let mut loaded = 0;
        let mut tensors = HashMap::new();
        for run in self.runs() {
            let file = &run[0].file;
            let start = run[0].range.start;
            let end = run[run.len() - 1].range.end;
            let bytes = folder.read_range(file, start..end).await?;
            if bytes.len() as u64 != end - start {
                let problem = format!(
                    "truncated: expected {} bytes from {start}, found {}",
                    end - start,
                    bytes.len()
                );
                return Err(Error::corrupt(folder.describe(file), problem));
            }
            for entry in run {
                let at = (entry.range.start - start) as usize..(entry.range.end - start) as usize;
                let tensor = upload(folder, entry, &bytes[at], device)?;
                tensors.insert(entry.published.clone(), tensor);
            }
            // A small read-back waits until the upload is done, so that host copies do not pile up.
            if let Some(tensor) = run.last().and_then(|entry| tensors.get(&entry.published)) {
                crate::device::read(tensor.clone().narrow(0, 0, 1)).await?;
            }
            loaded += end - start;
            let file = file.clone();
            progress(Progress {
                file,
                loaded,
                total,
            });
        }
        Ok(fill(self.kind, model, tensors))
    }

    /// Runs of tensors that lie side by side in one file, up to [`PIECE`] bytes each unless one tensor is larger.
    fn runs(&self) -> impl Iterator<Item = &[Entry]> {
        let mut rest = self.entries.as_slice();
        std::iter::from_fn(move || {
            let first = rest.first()?;
            let together = rest
                .windows(2)
                .take_while(|pair| {
                    pair[1].file == first.file
                        && pair[1].range.start == pair[0].range.end
                        && pair[1].range.end - first.range.start <= PIECE
                })
                .count();
            let (run, after) = rest.split_at(together + 1);
            rest = after;
            Some(run)
        })
    }
}

/// Bytes of a file → flat tensor on the device.
fn upload(
    folder: &impl ModelFolder,
    entry: &Entry,
    bytes: &[u8],
    device: &Device,
) -> Result<Tensor<1>> {
    let Ok(dtype) = entry.dtype else {
        return Err(Error::corrupt(
            folder.describe(&entry.file),
            "unreadable element type",
        ));
    };
    let values = dtype.decode(bytes);
    if let Some(index) = values.iter().position(|value| !value.is_finite()) {
        let problem = format!("{}[{index}] is {}", entry.name, values[index]);
        return Err(Error::corrupt(folder.describe(&entry.file), problem));
    }
    let shape = [values.len()];
    Ok(Tensor::from_data(TensorData::new(values, shape), device))
}

/// The index and a shard have to agree on what the shard holds.
fn check_index(index: &Index, source: &str, file: &str, header: &[TensorInfo]) -> Result<()> {
    let found: BTreeSet<&str> = header.iter().map(|info| info.name.as_str()).collect();
    let missing: Vec<String> = index
        .weight_map
        .iter()
        .filter(|(name, at)| *at == file && !found.contains(name.as_str()))
        .map(|(name, at)| format!("{name} in {at}"))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Error::MissingTensors {
        file: source.into(),
        tensors: missing,
    })
}
