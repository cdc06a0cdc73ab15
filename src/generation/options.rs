//! What generation can be asked for, under HF's names and with HF's defaults.

use serde::{Deserialize, Deserializer};

use super::overrides::Overrides;
use crate::error::{Error, Result};

/// Most tokens that one call may ask for. T5's relative positions set no limit of their own;
/// this one keeps a mistyped number from allocating caches without end.
pub const MAX_NEW_TOKENS_LIMIT: usize = 32_768;

/// Most beams, and most sequences, that one call may ask for.
pub const NUM_BEAMS_LIMIT: usize = 256;

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

impl std::str::FromStr for EarlyStopping {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match text {
            "false" => Ok(Self::No),
            "true" => Ok(Self::Yes),
            "never" => Ok(Self::Never),
            other => Err(format!(
                "expected true, false or \"never\", found {other:?}"
            )),
        }
    }
}

impl<'de> Deserialize<'de> for EarlyStopping {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(
            untagged,
            expecting = "expected true, false or \"never\" for early stopping"
        )]
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

/// How to turn next-token scores into sequences.
///
/// Defaults are those of `transformers`. A model folder's `generation_config.json` overrides them
/// ([`from_json`](Self::from_json)), the caller overrides that ([`with`](Self::with)).
#[derive(Debug, Clone, PartialEq)]
pub struct GenerationOptions {
    /// Most tokens to generate, the end-of-sequence token included. 1..=[`MAX_NEW_TOKENS_LIMIT`], 20 by default.
    pub max_new_tokens: usize,
    /// Tokens to generate before the end-of-sequence token is allowed.
    pub min_new_tokens: usize,
    /// Beams; 1 means no beam search.
    pub num_beams: usize,
    /// Sequences to return: at most `num_beams`, or any number of samples.
    pub num_return_sequences: usize,
    /// Exponent of the length that divides a finished beam's score. Without effect unless `num_beams` > 1.
    pub length_penalty: f64,
    /// When beam search stops. Without effect unless `num_beams` > 1.
    pub early_stopping: EarlyStopping,
    /// Draw tokens at random instead of taking the most probable.
    pub do_sample: bool,
    /// Divides the scores before sampling; above 0.
    pub temperature: f64,
    /// Sample among this many most probable tokens; 0 means all. HF's default is 50.
    pub top_k: usize,
    /// Sample among the most probable tokens whose probabilities add up to this; 0..=1.
    pub top_p: f64,
    /// Seed of the random numbers: the same seed draws the same numbers on every platform.
    pub seed: u64,
    /// Divides (or, where negative, multiplies) the score of every token already in the sequence; above 0.
    pub repetition_penalty: f64,
    /// No sequence of this many tokens may occur twice; 0 means no limit.
    pub no_repeat_ngram_size: usize,
    /// Texts at which to stop; they are not part of the result.
    pub stop: Vec<String>,
    /// Token that the decoder starts with; counts as part of the sequence for penalties and n-grams.
    pub decoder_start_token_id: u32,
    /// Tokens that end a sequence.
    pub eos_token_ids: Vec<u32>,
}

impl Default for GenerationOptions {
    fn default() -> Self {
        Self {
            max_new_tokens: 20,
            min_new_tokens: 0,
            num_beams: 1,
            num_return_sequences: 1,
            length_penalty: 1.0,
            early_stopping: EarlyStopping::No,
            do_sample: false,
            temperature: 1.0,
            top_k: 50,
            top_p: 1.0,
            seed: 0,
            repetition_penalty: 1.0,
            no_repeat_ngram_size: 0,
            stop: Vec::new(),
            decoder_start_token_id: 0,
            eos_token_ids: vec![1],
        }
    }
}

impl GenerationOptions {
    /// These options with the caller's in their place, validated.
    ///
    /// `temperature`, `top_k` and `top_p` ask for sampling: giving one of them turns `do_sample` on
    /// unless the caller says otherwise.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for a value out of range or options that exclude each other.
    pub fn with(&self, overrides: &Overrides) -> Result<Self> {
        let mut options = self.clone();
        macro_rules! take {
            ($($name:ident),*) => { $(if let Some(value) = &overrides.$name {
                options.$name = value.clone();
            })* };
        }
        take!(
            max_new_tokens,
            min_new_tokens,
            num_beams,
            num_return_sequences,
            length_penalty,
            early_stopping,
            do_sample,
            temperature,
            top_k,
            top_p,
            seed,
            repetition_penalty,
            no_repeat_ngram_size,
            stop
        );
        if let Some(name) = overrides.sampling_option() {
            match overrides.do_sample {
                Some(false) => {
                    return Err(Error::option(
                        name,
                        "has no effect without sampling; leave it out or set do_sample to true",
                    ));
                }
                Some(true) => {}
                None => options.do_sample = true,
            }
        }
        options.validate()?;
        Ok(options)
    }

    /// Checks every value and combination.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] with the first option that is out of range.
    pub fn validate(&self) -> Result<()> {
        let count = |name: &str, value: usize, least: usize, most: usize| {
            if (least..=most).contains(&value) {
                return Ok(());
            }
            Err(Error::option(
                name,
                format!("expected {least} to {most}, found {value}"),
            ))
        };
        let positive = |name: &str, value: f64| {
            if value.is_finite() && value > 0.0 {
                return Ok(());
            }
            Err(Error::option(
                name,
                format!("expected a number above 0, found {value}"),
            ))
        };
        count(
            "max_new_tokens",
            self.max_new_tokens,
            1,
            MAX_NEW_TOKENS_LIMIT,
        )?;
        if self.min_new_tokens > self.max_new_tokens {
            return Err(Error::option(
                "min_new_tokens",
                format!(
                    "expected at most max_new_tokens ({}), found {}",
                    self.max_new_tokens, self.min_new_tokens
                ),
            ));
        }
        count("num_beams", self.num_beams, 1, NUM_BEAMS_LIMIT)?;
        count(
            "num_return_sequences",
            self.num_return_sequences,
            1,
            NUM_BEAMS_LIMIT,
        )?;
        if self.do_sample && self.num_beams > 1 {
            return Err(Error::option(
                "num_beams",
                format!(
                    "{} beams cannot be combined with sampling (do_sample, temperature, top_k, top_p)",
                    self.num_beams
                ),
            ));
        }
        if !self.do_sample && self.num_return_sequences > self.num_beams {
            return Err(Error::option(
                "num_return_sequences",
                format!(
                    "expected at most num_beams ({}) without sampling, found {}",
                    self.num_beams, self.num_return_sequences
                ),
            ));
        }
        positive("temperature", self.temperature)?;
        positive("repetition_penalty", self.repetition_penalty)?;
        if !(0.0..=1.0).contains(&self.top_p) {
            return Err(Error::option(
                "top_p",
                format!("expected 0 to 1, found {}", self.top_p),
            ));
        }
        if !self.length_penalty.is_finite() {
            return Err(Error::option(
                "length_penalty",
                format!("expected a finite number, found {}", self.length_penalty),
            ));
        }
        if self.stop.iter().any(String::is_empty) {
            return Err(Error::option("stop", "expected texts, found an empty one"));
        }
        Ok(())
    }
}
