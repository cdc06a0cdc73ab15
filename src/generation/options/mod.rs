//! What generation can be asked for, under HF's names and with HF's defaults.

mod early_stopping;
mod generation_config;
mod overrides;
mod table;
#[cfg(test)]
mod tests;
mod validate;
mod value;

pub use early_stopping::EarlyStopping;
pub use table::{
    GenerationOptions, MAX_NEW_TOKENS_LIMIT, NUM_BEAMS_LIMIT, OPTIONS, OptionSpec, Overrides,
};
pub use value::OptionKind;
