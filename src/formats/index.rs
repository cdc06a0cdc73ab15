//! `model.safetensors.index.json`: which tensor is in which shard, and what each shard has to be.

use super::folder::ModelFolder;
use super::json::parse_json;
use super::safetensors::TensorInfo;
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The index' file name.
pub(crate) const INDEX: &str = "model.safetensors.index.json";

/// Size and hash of a shard; transformers' readers pass over it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Shard {
    /// Bytes of the file.
    pub(crate) size: u64,
    /// SHA-256 of the file in lower-case hexadecimal.
    pub(crate) sha256: String,
}

/// The index as transformers writes it, and our own `shards` beside it.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Index {
    /// `total_size` and whatever else the writer has noted.
    #[serde(default)]
    pub(crate) metadata: serde_json::Map<String, serde_json::Value>,
    /// Tensor → file.
    pub(crate) weight_map: BTreeMap<String, String>,
    /// File → what it has to be; files that other programs have written have no entry.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) shards: BTreeMap<String, Shard>,
}

impl Index {
    /// Reads and checks the index; `None` where there is none.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when it is not an index or names files outside of the folder.
    pub(crate) async fn read(folder: &impl ModelFolder) -> Result<Option<Self>> {
        let Some(bytes) = folder.read(INDEX).await? else {
            return Ok(None);
        };
        let source = folder.describe(INDEX);
        let index: Index = parse_json(&source, &bytes)?;
        // An index is data from outside: it names files of its own folder and nothing else.
        let outside = |file: &&String| file.contains(['/', '\\']);
        if let Some(file) = index.weight_map.values().find(outside) {
            let problem = format!("shard {file:?} is not a file name");
            return Err(Error::corrupt(source, problem));
        }
        Ok(Some(index))
    }

    /// The shards, each once, in order.
    pub(crate) fn files(&self) -> Vec<String> {
        let files: BTreeSet<&String> = self.weight_map.values().collect();
        files.into_iter().cloned().collect()
    }

    /// Index and shard have to agree on what the shard holds and how long it is.
    pub(crate) fn check(
        &self,
        source: &str,
        file: &str,
        tensors: &[TensorInfo],
        size: u64,
    ) -> Result<()> {
        let found: BTreeSet<&str> = tensors.iter().map(|info| info.name.as_str()).collect();
        let missing: Vec<String> = self
            .weight_map
            .iter()
            .filter(|(name, at)| *at == file && !found.contains(name.as_str()))
            .map(|(name, at)| format!("{name} in {at}"))
            .collect();
        if !missing.is_empty() {
            return Err(Error::MissingTensors {
                file: source.into(),
                tensors: missing,
            });
        }
        match self.shards.get(file) {
            Some(shard) if shard.size != size => {
                let problem = format!("{file} has {size} bytes, expected {}", shard.size);
                Err(Error::corrupt(source, problem))
            }
            _ => Ok(()),
        }
    }
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
