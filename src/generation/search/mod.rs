//! The generation loop, one decoder step at a time, so that a caller can stream, wait and stop.

mod beam_search;
mod beams;
mod sampler;
mod sampling;

use beam_search::BeamSearch;
use sampling::Sampling;

use super::decoder::Decoder;
use super::options::GenerationOptions;
use super::output::{GeneratedToken, Output};
use super::sequence::Results;
use crate::error::Result;

#[cfg(test)]
pub(super) use sampler::Sampler;

/// A generation under way.
///
/// `D` decodes; `F` turns token ids (without the start token) into text, leaving special tokens out.
/// Dropping it stops the generation.
pub struct Generation<D, F> {
    decoder: D,
    decode: F,
    search: Search,
    results: Results,
    /// What each decoder row is a copy of, until that has been done: several samples of one batch item.
    copies: Option<Vec<usize>>,
}

enum Search {
    /// Greedy search too.
    Sampling(Sampling),
    Beams(BeamSearch),
}

impl<D: Decoder, F: Fn(&[u32]) -> Result<String>> Generation<D, F> {
    /// Starts with a decoder of `batch_size` rows that has seen no token yet.
    ///
    /// # Errors
    /// [`Error::InvalidOption`](crate::Error::InvalidOption) as in [`GenerationOptions::validate`].
    pub fn new(
        decoder: D,
        batch_size: usize,
        options: &GenerationOptions,
        decode: F,
    ) -> Result<Self> {
        options.validate()?;
        let copies = options.num_return_sequences;
        let sequences = batch_size * copies;
        let beams = options.num_beams > 1;
        Ok(Self {
            decoder,
            decode,
            search: if beams {
                Search::Beams(BeamSearch::new(batch_size, options))
            } else {
                Search::Sampling(Sampling::new(sequences, options))
            },
            results: Results {
                finished: vec![None; sequences],
                ..Results::default()
            },
            copies: (!beams && copies > 1).then(|| (0..sequences).map(|i| i / copies).collect()),
        })
    }

    /// The next token of a sequence; `None` when all have ended. With beams, the tokens come at the end.
    ///
    /// # Errors
    /// The decoder's or the tokenizer's; [`Error::NotFinite`](crate::Error::NotFinite) for scores that are
    /// not finite; [`Error::InvalidInput`](crate::Error::InvalidInput) when the options exclude every token. The generation is
    /// over then.
    pub async fn next(&mut self) -> Result<Option<GeneratedToken>> {
        loop {
            if let Some(token) = self.results.tokens.pop_front() {
                return Ok(Some(token));
            }
            if !self.advance().await? {
                return Ok(None);
            }
        }
    }

    /// Runs the decoder once and returns the tokens that came of it (none while beams are compared);
    /// `None` when all sequences have ended. For callers that do something else between decoder steps.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub async fn step(&mut self) -> Result<Option<Vec<GeneratedToken>>> {
        if self.results.tokens.is_empty() && !self.advance().await? {
            return Ok(None);
        }
        Ok(Some(self.results.tokens.drain(..).collect()))
    }

    /// Runs to the end.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub async fn run(mut self) -> Result<Output> {
        while self.step().await?.is_some() {}
        Ok(self.into_output())
    }

    /// The sequences that have ended so far.
    pub fn into_output(self) -> Output {
        Output {
            sequences: self.results.finished.into_iter().flatten().collect(),
        }
    }

    /// How many of the best scores of a row the search needs; `None`: all.
    pub(super) fn needed(&self) -> Option<usize> {
        match &self.search {
            Search::Sampling(sampling) => sampling.needed(),
            Search::Beams(beams) => beams.needed(),
        }
    }

    /// One decoder step; `false` when there is nothing left to do.
    async fn advance(&mut self) -> Result<bool> {
        let token_ids = match &self.search {
            Search::Sampling(sampling) => sampling.last_tokens(),
            Search::Beams(beams) => beams.last_tokens(),
        };
        if token_ids.is_empty() {
            return Ok(false);
        }
        if let Some(copies) = self.copies.take() {
            self.decoder.select_rows(&copies)?;
        }
        let scores = self.decoder.step(&token_ids, self.needed()).await?;
        let kept = match &mut self.search {
            Search::Sampling(sampling) => {
                sampling.advance(&scores, &self.decode, &mut self.results)?
            }
            Search::Beams(beams) => beams.advance(&scores, &self.decode, &mut self.results)?,
        };
        let unchanged = kept.iter().copied().eq(0..token_ids.len());
        if !kept.is_empty() && !unchanged {
            self.decoder.select_rows(&kept)?;
        }
        Ok(true)
    }
}
