//! UL2's mixture of denoisers (Tay et al. 2022, table 1): a text's token ids to what the encoder reads and the decoder writes.
//!
//! Host code over ids. The spans are those of T5's `random_spans_noise_mask`
//! (`text-to-text-transfer-transformer/t5/data/preprocessors.py`).

#[cfg(test)]
mod tests;

use crate::error::{Error, Result};
use rand::{Rng, RngExt};

/// What the encoder is told about the task, as the first words of its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Short spans, few of them.
    R,
    /// Long spans or many of them.
    X,
    /// The end of the text.
    S,
}

impl Mode {
    /// The token's text.
    pub fn token(self) -> &'static str {
        match self {
            Mode::R => "[NLU]",
            Mode::X => "[NLG]",
            Mode::S => "[S2S]",
        }
    }
}

/// What a denoiser hides.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Corruption {
    /// Spans of this mean length, a share of `rate` of the tokens in all.
    Spans {
        /// Mean tokens of a span.
        mean: f32,
        /// Share of the tokens that are hidden.
        rate: f32,
    },
    /// One span, at the end. The share is the one of the paper's table; the code in its appendix draws the place of the cut
    /// uniformly instead.
    End {
        /// Share of the tokens that are hidden.
        rate: f32,
    },
}

/// One task of the mixture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Denoiser {
    /// What the encoder is told.
    pub mode: Mode,
    /// What is hidden.
    pub corruption: Corruption,
}

const fn spans(mode: Mode, mean: f32, rate: f32) -> Denoiser {
    let corruption = Corruption::Spans { mean, rate };
    Denoiser { mode, corruption }
}

/// The seven tasks, which are equally frequent.
pub const DENOISERS: [Denoiser; 7] = [
    spans(Mode::R, 3.0, 0.15),
    spans(Mode::R, 8.0, 0.15),
    spans(Mode::X, 3.0, 0.5),
    spans(Mode::X, 8.0, 0.5),
    spans(Mode::X, 64.0, 0.15),
    spans(Mode::X, 64.0, 0.5),
    Denoiser {
        mode: Mode::S,
        corruption: Corruption::End { rate: 0.25 },
    },
];

/// The tokenizer's ids for what a text does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpecialIds {
    /// The ids of each mode's text: one where the tokenizer has a token for it, several where it spells it.
    pub modes: [(Mode, Vec<u32>); 3],
    /// `<extra_id_0>`; `<extra_id_n>` is the id that is n below.
    pub first_sentinel: u32,
    /// How many sentinels there are.
    pub sentinels: usize,
    /// `</s>`, the end of every input and target.
    pub eos: u32,
}

/// An input and what the decoder has to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// Mode, text with a sentinel for each hidden span, `</s>`.
    pub input: Vec<u32>,
    /// Each sentinel with its span behind it, `</s>`; of [`Corruption::End`] the hidden span alone.
    pub target: Vec<u32>,
}

impl Denoiser {
    /// One of the seven.
    pub fn draw(rng: &mut impl Rng) -> Self {
        DENOISERS[rng.random_range(0..DENOISERS.len())]
    }

    /// Hides a part of a text, whose ids have no special ones.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for a text of fewer than two tokens and for more spans than there are sentinels.
    pub fn apply(&self, text: &[u32], ids: &SpecialIds, rng: &mut impl Rng) -> Result<Example> {
        let length = text.len();
        if length < 2 {
            let problem = format!("expected at least 2 tokens, found {length}");
            return Err(Error::input("text", problem));
        }
        let (mut input, mut target) = match self.corruption {
            Corruption::Spans { mean, rate } => {
                let segments = segments(length, mean, rate, rng);
                hide(text, &segments, ids)?
            }
            Corruption::End { rate } => {
                let (before, after) = text.split_at(length - hidden(length, rate));
                (before.to_vec(), after.to_vec())
            }
        };
        let mode = ids.modes.iter().find(|(mode, _)| *mode == self.mode);
        let mode = mode.map_or(&[][..], |(_, ids)| ids);
        input.splice(0..0, mode.iter().copied());
        input.push(ids.eos);
        target.push(ids.eos);
        Ok(Example { input, target })
    }
}

/// How many of a text's tokens are hidden: at least one, and not all. Rounded as TensorFlow rounds, halves to even.
fn hidden(length: usize, rate: f32) -> usize {
    let rounded = (length as f32 * rate).round_ties_even() as usize;
    rounded.clamp(1, length - 1)
}

/// Lengths of what is kept and of the span hidden behind it, again and again, which add up to the text.
fn segments(length: usize, mean: f32, rate: f32, rng: &mut impl Rng) -> Vec<[usize; 2]> {
    let hidden = hidden(length, rate);
    let kept = length - hidden;
    let spans = (hidden as f32 / mean).round_ties_even() as usize;
    // Each has at least one token, of those kept as well.
    let spans = spans.clamp(1, hidden.min(kept));
    let hidden = composition(hidden, spans, rng);
    let kept = composition(kept, spans, rng);
    kept.into_iter()
        .zip(hidden)
        .map(<[usize; 2]>::from)
        .collect()
}

/// A sum of so many `parts`, none of them 0, every such sum equally probable.
fn composition(sum: usize, parts: usize, rng: &mut impl Rng) -> Vec<usize> {
    // Parts end at `parts - 1` of the `sum - 1` places between two tokens; a shuffle says at which.
    let mut ends: Vec<bool> = (1..sum).map(|place| place < parts).collect();
    for last in (1..ends.len()).rev() {
        ends.swap(last, rng.random_range(0..=last));
    }
    let mut lengths = vec![1];
    for end in ends {
        match lengths.last_mut() {
            Some(length) if !end => *length += 1,
            _ => lengths.push(1),
        }
    }
    lengths
}

/// Input and target, both without what begins and ends them.
fn hide(text: &[u32], segments: &[[usize; 2]], ids: &SpecialIds) -> Result<(Vec<u32>, Vec<u32>)> {
    if segments.len() > ids.sentinels {
        let (spans, sentinels) = (segments.len(), ids.sentinels);
        let problem = format!("it has {spans} hidden spans, but there are {sentinels} sentinels");
        return Err(Error::input("text", problem));
    }
    let (mut input, mut target) = (vec![], vec![]);
    let mut rest = text;
    for (&[kept, hidden], sentinel) in segments.iter().zip((0..=ids.first_sentinel).rev()) {
        let (shown, behind) = rest.split_at(kept);
        let (span, behind) = behind.split_at(hidden);
        input.extend(shown);
        input.push(sentinel);
        target.push(sentinel);
        target.extend(span);
        rest = behind;
    }
    Ok((input, target))
}
