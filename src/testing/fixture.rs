//! A fixture folder: a model folder with recorded values beside it.

use super::Read;
use crate::error::{Error, Result};
use crate::formats::ModelFolder;
use crate::formats::json::parse_json;
use safetensors::{Dtype, SafeTensors};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::ops::Range;

/// A case's folder, read through the caller's reader.
pub(super) struct Fixture<'a> {
    pub(super) case: &'a str,
    pub(super) read: Read<'a>,
}

impl ModelFolder for Fixture<'_> {
    fn describe(&self, file: &str) -> String {
        format!("{}/{file}", self.case)
    }

    async fn read(&self, file: &str) -> Result<Option<Vec<u8>>> {
        match (self.read)(&self.describe(file)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn size(&self, file: &str) -> Result<Option<u64>> {
        Ok(self.read(file).await?.map(|bytes| bytes.len() as u64))
    }

    async fn read_range(&self, file: &str, range: Range<u64>) -> Result<Vec<u8>> {
        let bytes = (self.read)(&self.describe(file))?;
        let part = bytes.get(range.start as usize..range.end as usize);
        let part = part.ok_or_else(|| Error::corrupt(self.describe(file), "too short"))?;
        Ok(part.to_vec())
    }
}

/// `reference.json`.
#[derive(Deserialize)]
pub(super) struct Reference {
    pub(super) kind: String,
    pub(super) variants: Vec<Variant>,
    pub(super) generation: Vec<Generated>,
}

/// One set of inputs.
#[derive(Deserialize)]
pub(super) struct Variant {
    /// Prefix of its tensors, without the slash; empty for the default.
    pub(super) name: String,
    #[serde(default)]
    pub(super) padding: Vec<Padding>,
    /// PaLI-3: the text of each row.
    #[serde(default)]
    pub(super) prompts: Vec<String>,
}

/// Encoder positions of a row that hold padding, whose values nobody uses.
#[derive(Deserialize)]
pub(super) struct Padding {
    pub(super) row: usize,
    pub(super) from: usize,
    pub(super) to: usize,
}

/// What `generate()` gave for some options.
#[derive(Deserialize)]
pub(super) struct Generated {
    pub(super) name: String,
    pub(super) variant: String,
    /// HF's names, as in `generation_config.json`.
    pub(super) options: serde_json::Value,
    pub(super) sequences: Vec<Vec<u32>>,
    pub(super) sequences_scores: Option<Vec<f64>>,
    pub(super) scores_sum: Option<Vec<f64>>,
    #[serde(default)]
    pub(super) texts: Vec<String>,
}

/// A recorded tensor.
pub(super) enum Recorded {
    /// Values of inputs and intermediates.
    Float(Vec<usize>, Vec<f32>),
    /// Ids and masks.
    Int(Vec<usize>, Vec<i64>),
}

impl Fixture<'_> {
    pub(super) fn reference(&self) -> Result<Reference> {
        let file = self.describe("reference.json");
        parse_json(&file, &(self.read)(&file)?)
    }

    /// All tensors of `reference.safetensors`.
    pub(super) fn tensors(&self) -> Result<BTreeMap<String, Recorded>> {
        let file = self.describe("reference.safetensors");
        let bytes = (self.read)(&file)?;
        let tensors = SafeTensors::deserialize(&bytes).map_err(|e| Error::corrupt(&file, e))?;
        tensors
            .iter()
            .map(|(name, view)| {
                let shape = view.shape().to_vec();
                let quads = view.data().as_chunks::<4>().0.iter();
                let octets = view.data().as_chunks::<8>().0.iter();
                let recorded = match view.dtype() {
                    Dtype::F32 => {
                        Recorded::Float(shape, quads.map(|b| f32::from_le_bytes(*b)).collect())
                    }
                    Dtype::I64 => {
                        Recorded::Int(shape, octets.map(|b| i64::from_le_bytes(*b)).collect())
                    }
                    other => return Err(Error::corrupt(&file, format!("{name} is {other:?}"))),
                };
                Ok((name.to_string(), recorded))
            })
            .collect()
    }
}
