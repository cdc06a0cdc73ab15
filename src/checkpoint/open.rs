//! A checkpoint of one or several safetensors files: opened by its headers and checked before a tensor is read.

use super::names::TensorNames;
use super::slots::{Slot, scales_of};
use crate::error::{Error, Result};
use crate::formats::ModelFolder;
use crate::formats::blocks::{QuantFormat, blocks};
use crate::formats::index::{INDEX, Index, Shard};
use crate::formats::safetensors::{ElementType, TensorInfo, read_header};
use sha2::Sha256;
use std::collections::{BTreeMap, BTreeSet, HashMap};

const SINGLE: &str = "model.safetensors";

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
    pub(super) range: std::ops::Range<u64>,
}

impl Entry {
    /// Bytes in the file.
    pub fn bytes(&self) -> u64 {
        self.range.end - self.range.start
    }
}

/// How a tensor that a model needs is stored in a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// As it is, in floats.
    Floats(ElementType),
    /// As blocks of integers; the scales are the entry of this index.
    Blocks(QuantFormat, usize),
}

/// One file of a checkpoint.
#[derive(Debug)]
pub(super) struct File {
    pub(super) name: String,
    /// Bytes before the first tensor.
    pub(super) header: u64,
    /// Bytes of the whole file.
    pub(super) size: u64,
    /// What the index says that it has to be, and the hash of its header.
    pub(super) shard: Option<(Shard, Sha256)>,
}

/// The headers of a checkpoint's files.
#[derive(Debug)]
pub struct Checkpoint {
    head: Option<&'static str>,
    /// What to call the whole in messages: the file, or the index of the shards.
    source: String,
    pub(super) files: Vec<File>,
    /// In file order.
    pub(super) entries: Vec<Entry>,
}

impl Checkpoint {
    /// Reads the headers, not the tensors.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a missing file, [`Error::Corrupt`] for a header or index that is broken.
    pub async fn open(folder: &impl ModelFolder, names: &TensorNames) -> Result<Self> {
        // The single file first, as transformers does; its absence is what an index is for.
        let index = match folder.size(SINGLE).await? {
            Some(_) => None,
            None => Index::read(folder).await?,
        };
        Self::of(folder, names, index).await
    }

    /// The same for a folder that is known to have an index: quantized ones always do, and a browser would log
    /// the question for the single file as an error.
    ///
    /// # Errors
    /// As [`Checkpoint::open`].
    pub async fn open_sharded(folder: &impl ModelFolder, names: &TensorNames) -> Result<Self> {
        let index = Index::read(folder).await?;
        Self::of(folder, names, index).await
    }

    async fn of(
        folder: &impl ModelFolder,
        names: &TensorNames,
        index: Option<Index>,
    ) -> Result<Self> {
        let (source, file_names) = match &index {
            Some(index) => (folder.describe(INDEX), index.files()),
            None => (folder.describe(SINGLE), vec![SINGLE.to_string()]),
        };
        let (mut files, mut entries) = (vec![], vec![]);
        for name in file_names {
            let header = read_header(folder, &name).await?;
            if let Some(index) = &index {
                index.check(&source, &name, &header.tensors, header.size)?;
            }
            let shard = index.as_ref().and_then(|index| index.shards.get(&name));
            entries.extend(entries_of(names, &name, header.tensors));
            files.push(File {
                shard: shard.map(|shard| (shard.clone(), header.hash)),
                name,
                header: header.length,
                size: header.size,
            });
        }
        let mut seen = BTreeSet::new();
        // Tied copies (`encoder.embed_tokens` beside `shared`) hold the same values: the first one counts.
        entries.retain(|entry: &Entry| seen.insert(entry.published.clone()));
        Ok(Self {
            head: names.head,
            source,
            files,
            entries,
        })
    }

    /// Whether the language model's output head is stored as a matrix of its own.
    pub fn has_head(&self) -> bool {
        self.head
            .is_some_and(|head| self.entries.iter().any(|e| e.published == head))
    }

    /// All tensors that a model of this family could use, in file order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Everything that keeps these tensors from being put into these slots; empty when all is well.
    pub fn problems(&self, slots: &[Slot]) -> Vec<Error> {
        self.forms(slots).1
    }

    /// For each tensor that the slots call for, by its index, the form it is stored in; and what is wrong.
    pub(super) fn forms(&self, slots: &[Slot]) -> (BTreeMap<usize, Form>, Vec<Error>) {
        let by_name: HashMap<&str, usize> = self
            .entries
            .iter()
            .enumerate()
            .map(|(i, entry)| (entry.published.as_str(), i))
            .collect();
        let (mut forms, mut problems, mut missing) = (BTreeMap::new(), vec![], vec![]);
        let mut used = BTreeSet::new();
        for slot in slots {
            let Some(&i) = by_name.get(slot.name.as_str()) else {
                missing.push(format!("{} {:?}", slot.name, slot.shape));
                continue;
            };
            used.insert(i);
            let entry = &self.entries[i];
            let form = match &entry.dtype {
                Ok(ElementType::U32) => {
                    let scales = by_name.get(scales_of(&slot.name).as_str()).copied();
                    used.extend(scales);
                    self.blocks(slot, entry, scales)
                }
                Ok(dtype) if entry.shape == slot.shape => Ok(Form::Floats(*dtype)),
                Ok(_) => Err(wrong_shape(entry, &slot.shape)),
                Err(found) => Err(Error::TensorDtype {
                    file: entry.file.clone(),
                    tensor: entry.name.clone(),
                    found: found.clone(),
                }),
            };
            match form {
                Ok(form) => {
                    forms.insert(i, form);
                }
                Err(Error::MissingTensors { tensors, .. }) => missing.extend(tensors),
                Err(problem) => problems.push(problem),
            }
        }
        let left_over: Vec<String> = (0..self.entries.len())
            .filter(|i| !used.contains(i))
            .map(|i| self.entries[i].name.clone())
            .collect();
        if !left_over.is_empty() {
            problems.push(Error::LeftoverTensors {
                file: self.source.clone(),
                tensors: left_over,
            });
        }
        if !missing.is_empty() {
            let problem = Error::MissingTensors {
                file: self.source.clone(),
                tensors: missing,
            };
            problems.insert(0, problem);
        }
        (forms, problems)
    }

    /// The blocks of a quantized matrix: which format its width tells, and whether its scales fit.
    fn blocks(&self, slot: &Slot, entry: &Entry, scales: Option<usize>) -> Result<Form> {
        let [out_features, in_features] = slot.shape[..] else {
            return Err(Error::TensorDtype {
                file: entry.file.clone(),
                tensor: entry.name.clone(),
                found: "U32".into(),
            });
        };
        let words = |format: QuantFormat| vec![out_features, format.words_per_row(in_features)];
        let format = [QuantFormat::Q4, QuantFormat::Q8]
            .into_iter()
            .find(|&format| entry.shape == words(format))
            .ok_or_else(|| wrong_shape(entry, &words(QuantFormat::Q4)))?;
        let shape = vec![out_features, blocks(in_features)];
        let Some(scales) = scales else {
            return Err(Error::MissingTensors {
                file: entry.file.clone(),
                tensors: vec![format!("{} {shape:?}", scales_of(&slot.name))],
            });
        };
        let found = &self.entries[scales];
        if found.shape != shape {
            return Err(wrong_shape(found, &shape));
        }
        match &found.dtype {
            Ok(ElementType::F16) => Ok(Form::Blocks(format, scales)),
            other => Err(Error::TensorDtype {
                file: found.file.clone(),
                tensor: found.name.clone(),
                found: match other {
                    Ok(dtype) => format!("{} for scales of F16", dtype.name()),
                    Err(name) => name.clone(),
                },
            }),
        }
    }
}

/// The tensors of a file that a model of this family could use.
fn entries_of(
    names: &TensorNames,
    file: &str,
    tensors: Vec<TensorInfo>,
) -> impl Iterator<Item = Entry> {
    tensors.into_iter().filter_map(move |info| {
        let published = (names.canonical)(&info.name)?;
        Some(Entry {
            file: file.to_string(),
            name: info.name,
            published,
            shape: info.shape,
            dtype: info.dtype,
            range: info.range,
        })
    })
}

fn wrong_shape(entry: &Entry, expected: &[usize]) -> Error {
    Error::TensorShape {
        file: entry.file.clone(),
        tensor: entry.name.clone(),
        expected: expected.to_vec(),
        found: entry.shape.clone(),
    }
}
