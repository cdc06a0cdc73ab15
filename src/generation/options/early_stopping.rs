//! The option `early_stopping`, which is true, false or a word.

use serde::{Deserialize, Deserializer};

/// When beam search stops looking for something better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EarlyStopping {
    /// `false`: when the best running beam, at its present length, is not better than the worst finished one.
    #[default]
    No,
    /// `true`: as soon as there are `num_beams` finished sequences.
    Yes,
    /// `"never"`: only when no running beam could still become better, at whatever length.
    Never,
}

impl<'de> Deserialize<'de> for EarlyStopping {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "expected true, false or \"never\"")]
        enum Written {
            Flag(bool),
            Word(String),
        }
        match Written::deserialize(deserializer)? {
            Written::Flag(false) => Ok(Self::No),
            Written::Flag(true) => Ok(Self::Yes),
            Written::Word(word) if word == "never" => Ok(Self::Never),
            Written::Word(word) => Err(serde::de::Error::custom(format!(
                "expected true, false or \"never\", found {word:?}"
            ))),
        }
    }
}
