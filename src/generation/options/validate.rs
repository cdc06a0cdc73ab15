//! The range of each option, and which options exclude each other.

use super::table::{GenerationOptions, MAX_NEW_TOKENS_LIMIT, NUM_BEAMS_LIMIT};
use crate::error::{Error, Result};

impl GenerationOptions {
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
