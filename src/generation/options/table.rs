//! The one list of generation options: names, types, defaults and descriptions. What a caller may give, what a folder's
//! `generation_config.json` may set, the command line's flags and JavaScript's names all come from it.

use super::early_stopping::EarlyStopping;
use super::value::{OptionKind, OptionValue};
use crate::spelling::camel_case;
use serde_json::Value;

/// Most tokens that one call may ask for. T5's relative positions set no limit of their own;
/// this one keeps a mistyped number from allocating caches without end.
pub const MAX_NEW_TOKENS_LIMIT: usize = 32_768;

/// Most beams, and most sequences, that one call may ask for.
pub const NUM_BEAMS_LIMIT: usize = 256;

/// One option, as the table describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OptionSpec {
    /// HF's name.
    pub name: &'static str,
    /// What values it takes.
    pub kind: OptionKind,
    /// Key in `generation_config.json`; `None` for an option that the file does not have.
    pub file_key: Option<&'static str>,
    help: &'static str,
}

impl OptionSpec {
    /// Name in JavaScript.
    pub fn camel_case(&self) -> String {
        camel_case(self.name)
    }

    /// What the option does.
    pub fn help(&self) -> &'static str {
        self.help.trim()
    }
}

/// A row: description, name, type, default and, where the file calls it something else, the key in the file.
macro_rules! generation_options {
    (@key $name:ident) => { Some(stringify!($name)) };
    (@key $name:ident $key:expr) => { $key };
    ($($(#[doc = $doc:literal])+ $name:ident: $type:ty = $default:expr $(, file_key = $key:expr)?;)+) => {
        /// How to turn next-token scores into sequences.
        ///
        /// Defaults are those of `transformers`. A model folder's `generation_config.json` overrides them
        /// ([`from_json`](Self::from_json)), the caller overrides that ([`with`](Self::with)).
        #[derive(Debug, Clone, PartialEq)]
        pub struct GenerationOptions {
            $($(#[doc = $doc])+ pub $name: $type,)+
            /// Token that the decoder starts with; counts as part of the sequence for penalties and n-grams.
            pub decoder_start_token_id: u32,
            /// Tokens that end a sequence.
            pub eos_token_ids: Vec<u32>,
        }

        impl Default for GenerationOptions {
            fn default() -> Self {
                Self {
                    $($name: $default,)+
                    decoder_start_token_id: 0,
                    eos_token_ids: vec![1],
                }
            }
        }

        /// The options that a caller gives; what is left out keeps the model folder's value, then HF's default.
        #[derive(Debug, Clone, Default, PartialEq)]
        pub struct Overrides {
            $($(#[doc = $doc])+ pub $name: Option<$type>,)+
        }

        /// Every option that a caller may give.
        pub const OPTIONS: &[OptionSpec] = &[$(OptionSpec {
            name: stringify!($name),
            kind: <$type as OptionValue>::KIND,
            file_key: generation_options!(@key $name $($key)?),
            help: concat!($($doc),+),
        }),+];

        impl Overrides {
            /// Sets the option of HF's name; `null` leaves it out. The error says what is wrong with the value.
            pub(super) fn set(&mut self, name: &str, value: &Value) -> Result<(), String> {
                match name {
                    $(stringify!($name) => self.$name = OptionValue::read(value)?,)+
                    _ => return Err("unknown".to_string()),
                }
                Ok(())
            }
        }

        impl GenerationOptions {
            /// Puts what was given into the place of what was there.
            pub(super) fn put(&mut self, overrides: &Overrides) {
                $(if let Some(value) = &overrides.$name {
                    self.$name = value.clone();
                })+
            }
        }
    };
}

generation_options! {
    /// Most tokens to generate, the end-of-sequence token included
    max_new_tokens: usize = 20;
    /// Tokens to generate before the end-of-sequence token is allowed
    min_new_tokens: usize = 0;
    /// Beams; 1 means no beam search
    num_beams: usize = 1;
    /// Sequences to return: at most as many as beams, or any number of samples
    num_return_sequences: usize = 1;
    /// Exponent of the length that divides a finished beam's score
    length_penalty: f64 = 1.0;
    /// When beam search stops: true, as soon as there are as many finished sequences as beams; never, only when no better one
    /// can come; false, between the two
    early_stopping: EarlyStopping = EarlyStopping::No;
    /// Draw tokens at random instead of taking the most probable; temperature, top-k and top-p imply it
    do_sample: bool = false;
    /// Divides the scores before sampling; above 0
    temperature: f64 = 1.0;
    /// Sample among this many most probable tokens; 0 means all
    top_k: usize = 50;
    /// Sample among the most probable tokens whose probabilities add up to this; 0 to 1
    top_p: f64 = 1.0;
    /// Seed of the random numbers; the same seed draws the same numbers on every platform
    seed: u64 = 0, file_key = None;
    /// Divides the score (multiplies it, where it is negative) of every token already in the sequence; above 0
    repetition_penalty: f64 = 1.0;
    /// No sequence of this many tokens may occur twice; 0 means no limit
    no_repeat_ngram_size: usize = 0;
    /// Text at which to stop, not part of the result; there may be several
    stop: Vec<String> = Vec::new(), file_key = Some("stop_strings");
}
