//! JSON files of a model folder: parsed, and checked key by key.

use crate::error::{Error, Result};
use serde::de::DeserializeOwned;
use std::fmt::Display;

/// Parses one JSON file; the error names the file, the place in it and what is wrong.
pub(crate) fn parse_json<T: DeserializeOwned>(file: &str, bytes: &[u8]) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|problem| Error::corrupt(file, problem))
}

/// The one check behind every "this key has to be …": typed error with both values when it is not.
pub(crate) fn require(
    ok: bool,
    file: &str,
    key: &str,
    expected: impl Display,
    found: impl Display,
) -> Result<()> {
    match ok {
        true => Ok(()),
        false => Err(Error::UnsupportedModel {
            file: file.into(),
            key: key.into(),
            expected: expected.to_string(),
            found: found.to_string(),
        }),
    }
}

/// Checks of one object of a file. Its keys are named with the dots that lead to it.
pub(crate) struct Checker<'a> {
    file: &'a str,
    prefix: &'a str,
}

impl<'a> Checker<'a> {
    /// Of the object at `prefix`, such as `"vision_config."`; `""` is the whole file.
    pub(crate) fn new(file: &'a str, prefix: &'a str) -> Self {
        Self { file, prefix }
    }

    /// [`require`] for a key of the object.
    pub(crate) fn require(
        &self,
        ok: bool,
        key: &str,
        expected: impl Display,
        found: impl Display,
    ) -> Result<()> {
        let key = format!("{}{key}", self.prefix);
        require(ok, self.file, &key, expected, found)
    }

    /// That sizes are above 0.
    pub(crate) fn sizes<const N: usize>(&self, sizes: [(&str, usize); N]) -> Result<()> {
        for (key, found) in sizes {
            self.require(found > 0, key, "a number above 0", found)?;
        }
        Ok(())
    }

    /// That heads divide a width evenly.
    pub(crate) fn heads(
        &self,
        (key, heads): (&str, usize),
        (of, width): (&str, usize),
    ) -> Result<()> {
        let expected = format!("a divisor of {of} ({width})");
        self.require(width.is_multiple_of(heads), key, expected, heads)
    }

    /// That token ids are rows of an embedding table.
    pub(crate) fn ids<const N: usize>(
        &self,
        vocab_size: usize,
        ids: [(&str, u32); N],
    ) -> Result<()> {
        for (key, id) in ids {
            let expected = format!("below vocab_size ({vocab_size})");
            self.require((id as usize) < vocab_size, key, expected, id)?;
        }
        Ok(())
    }
}
