//! The kinds of values that options take, and how each is read from JSON.

use serde::Deserialize;
use serde_json::Value;

use super::early_stopping::EarlyStopping;

/// What values an option takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptionKind {
    /// A whole number from 0 up.
    Count,
    /// A whole number from 0 up of 64 bits.
    Seed,
    /// A number.
    Number,
    /// True or false.
    Flag,
    /// True, false or "never".
    EarlyStopping,
    /// A text or a list of texts.
    Texts,
}

impl OptionKind {
    /// The kind in words, for messages.
    pub fn expected(self) -> &'static str {
        match self {
            Self::Count | Self::Seed => "a count",
            Self::Number => "a number",
            Self::Flag => "true or false",
            Self::EarlyStopping => "true, false or \"never\"",
            Self::Texts => "a text or a list of texts",
        }
    }
}

/// A type that options have.
pub(super) trait OptionValue: Sized {
    /// Its kind.
    const KIND: OptionKind;
    /// The value; `None` for `null`. The error says what is wrong with it.
    fn read(value: &Value) -> Result<Option<Self>, String>;
}

macro_rules! read_by_serde {
    ($($type:ty: $kind:ident),+) => { $(impl OptionValue for $type {
        const KIND: OptionKind = OptionKind::$kind;

        fn read(value: &Value) -> Result<Option<Self>, String> {
            Option::<Self>::deserialize(value).map_err(|error| error.to_string())
        }
    })+ };
}

read_by_serde!(usize: Count, u64: Seed, f64: Number, bool: Flag, EarlyStopping: EarlyStopping);

impl OptionValue for Vec<String> {
    const KIND: OptionKind = OptionKind::Texts;

    fn read(value: &Value) -> Result<Option<Self>, String> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "expected a text or a list of texts")]
        enum Written {
            One(String),
            Many(Vec<String>),
        }
        let written = Option::<Written>::deserialize(value).map_err(|error| error.to_string())?;
        Ok(written.map(|written| match written {
            Written::One(text) => vec![text],
            Written::Many(texts) => texts,
        }))
    }
}
