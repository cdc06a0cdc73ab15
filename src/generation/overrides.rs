//! The options a caller gives: one list for the command line and for JavaScript.

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::options::EarlyStopping;
use crate::error::{Error, Result};

/// The caller's generation options; what is left out keeps the model folder's value, then HF's default.
///
/// The command line has them under HF's names with dashes, JavaScript in camelCase
/// ([`from_value`](Self::from_value)).
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
pub struct Overrides {
    /// Most tokens to generate.
    #[cfg_attr(feature = "cli", arg(long, value_name = "N"))]
    pub max_new_tokens: Option<usize>,
    /// Tokens to generate before the end is allowed.
    #[cfg_attr(feature = "cli", arg(long, value_name = "N"))]
    pub min_new_tokens: Option<usize>,
    /// Beams; 1 means no beam search.
    #[cfg_attr(feature = "cli", arg(long, value_name = "N"))]
    pub num_beams: Option<usize>,
    /// Sequences to return: at most as many as beams, or any number of samples.
    #[cfg_attr(feature = "cli", arg(long, value_name = "N"))]
    pub num_return_sequences: Option<usize>,
    /// Exponent of the length that divides a beam's score.
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "X", allow_negative_numbers = true)
    )]
    pub length_penalty: Option<f64>,
    /// Stop beam search at num-beams finished sequences; or "never".
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "true|false|never", num_args = 0..=1, default_missing_value = "true")
    )]
    pub early_stopping: Option<EarlyStopping>,
    /// Draw tokens at random; implied by temperature, top-k and top-p.
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "true|false", num_args = 0..=1, default_missing_value = "true")
    )]
    pub do_sample: Option<bool>,
    /// Divides the scores before sampling.
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "X", allow_negative_numbers = true)
    )]
    pub temperature: Option<f64>,
    /// Sample among this many most probable tokens; 0 means all.
    #[cfg_attr(feature = "cli", arg(long, value_name = "N"))]
    pub top_k: Option<usize>,
    /// Sample among the most probable tokens whose probabilities add up to this.
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "X", allow_negative_numbers = true)
    )]
    pub top_p: Option<f64>,
    /// Seed of the random numbers.
    #[cfg_attr(feature = "cli", arg(long, value_name = "N"))]
    pub seed: Option<u64>,
    /// Divides the score of every token already in the sequence.
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "X", allow_negative_numbers = true)
    )]
    pub repetition_penalty: Option<f64>,
    /// No sequence of this many tokens may occur twice; 0 means no limit.
    #[cfg_attr(feature = "cli", arg(long, value_name = "N"))]
    pub no_repeat_ngram_size: Option<usize>,
    /// Text at which to stop, not part of the result; may be repeated.
    #[cfg_attr(feature = "cli", arg(long, value_name = "TEXT"))]
    #[serde(default, deserialize_with = "one_or_many")]
    pub stop: Option<Vec<String>>,
}

impl Overrides {
    /// The options' names in JavaScript.
    pub const NAMES: [&'static str; 14] = [
        "maxNewTokens",
        "minNewTokens",
        "numBeams",
        "numReturnSequences",
        "lengthPenalty",
        "earlyStopping",
        "doSample",
        "temperature",
        "topK",
        "topP",
        "seed",
        "repetitionPenalty",
        "noRepeatNgramSize",
        "stop",
    ];

    /// Options from a JavaScript object. `null` counts as left out.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for an unknown name (with the nearest known one) or a value of the wrong type.
    pub fn from_value(value: Value) -> Result<Self> {
        let Value::Object(fields) = value else {
            return Err(Error::option(
                "options",
                format!("expected an object, found {value}"),
            ));
        };
        for (name, value) in &fields {
            if !Self::NAMES.contains(&name.as_str()) {
                return Err(unknown_option(name, &Self::NAMES));
            }
            // One at a time, because serde's own message does not say which field it is about.
            let alone = Map::from_iter([(name.clone(), value.clone())]);
            Self::deserialize(Value::Object(alone)).map_err(|e| Error::option(name, e))?;
        }
        Self::deserialize(Value::Object(fields)).map_err(|e| Error::option("options", e))
    }

    /// The first option given that has a meaning in sampling only.
    pub(super) fn sampling_option(&self) -> Option<&'static str> {
        [
            ("temperature", self.temperature.is_some()),
            ("top_k", self.top_k.is_some()),
            ("top_p", self.top_p.is_some()),
        ]
        .into_iter()
        .find_map(|(name, given)| given.then_some(name))
    }
}

/// [`Error::InvalidOption`] for a name that is none of `known`, with the nearest of them.
fn unknown_option(name: &str, known: &[&str]) -> Error {
    let nearest = known
        .iter()
        .map(|known| {
            (
                strsim::damerau_levenshtein(&name.to_lowercase(), &known.to_lowercase()),
                known,
            )
        })
        .min();
    Error::option(
        name,
        match nearest {
            Some((distance, nearest)) if distance <= nearest.len() / 2 => {
                format!("unknown; did you mean {nearest}?")
            }
            _ => format!("unknown; expected one of {}", known.join(", ")),
        },
    )
}

fn one_or_many<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<Option<Vec<String>>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a text or a list of texts")]
    enum Written {
        One(String),
        Many(Vec<String>),
    }
    Ok(
        Option::<Written>::deserialize(deserializer)?.map(|written| match written {
            Written::One(text) => vec![text],
            Written::Many(texts) => texts,
        }),
    )
}
