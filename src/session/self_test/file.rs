//! `self_test.json`, and the picture that it is about.

use crate::error::{Error, Result};
use crate::formats::json::parse_json;
use crate::image::{RgbImage, check_size};
use serde::{Deserialize, Serialize};

/// The file's name in a model folder.
pub const SELF_TEST: &str = "self_test.json";

/// Side of the picture's squares of one colour.
const SQUARE: usize = 8;

/// `self_test.json`: a question and a few of the numbers on the way to its answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SelfTest {
    /// Of this format: 1.
    pub version: u32,
    /// Side of the picture, and where its pattern starts; `None`, as everything about a picture, for a language model alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<Pattern>,
    /// The question.
    pub prompt: String,
    /// Flat indices into the visual tokens, `[patches, hidden]`, and the values there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visual_tokens: Option<Values>,
    /// What the decoder is fed after its start token: one less than there are steps.
    pub token_ids: Vec<u32>,
    /// Vocabulary entries whose scores are kept.
    pub vocabulary: Vec<u32>,
    /// For each step the scores of these entries, unnormalised, and the largest score of all.
    pub steps: Vec<Step>,
    /// Largest differences allowed.
    pub tolerance: Tolerance,
}

/// Numbers that [`picture`] takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pattern {
    /// Pixels along each side.
    pub side: usize,
    /// First state of the generator.
    pub seed: u32,
}

/// Some values of a tensor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Values {
    /// Where they are.
    pub indices: Vec<usize>,
    /// What they are.
    pub values: Vec<f32>,
}

/// Scores of one decoder step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Of the vocabulary entries.
    pub logits: Vec<f32>,
    /// The token with the largest score.
    pub top_token: u32,
    /// Its score.
    pub top_logit: f32,
}

/// Largest absolute differences allowed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Tolerance {
    /// Of visual tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visual_tokens: Option<f32>,
    /// Of scores.
    pub logits: f32,
}

impl SelfTest {
    /// Reads the file's bytes; `file` is its name for the errors.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when they are not what this version writes.
    pub fn from_json(file: &str, bytes: &[u8]) -> Result<Self> {
        let test: Self = parse_json(file, bytes)?;
        let fits = test.version == 1
            && test.picture_fits()
            && test.steps.len() == test.token_ids.len() + 1
            && test
                .steps
                .iter()
                .all(|step| step.logits.len() == test.vocabulary.len());
        match fits {
            true => Ok(test),
            false => Err(Error::corrupt(
                file,
                "its numbers do not fit together, or are of another version",
            )),
        }
    }

    /// Whether all is there that belongs to a picture, or nothing.
    fn picture_fits(&self) -> bool {
        let Tolerance { visual_tokens, .. } = &self.tolerance;
        match (&self.picture, &self.visual_tokens, visual_tokens) {
            (Some(Pattern { side, .. }), Some(Values { indices, values }), Some(_)) => {
                indices.len() == values.len() && check_size(*side, *side).is_ok()
            }
            (None, None, None) => true,
            _ => false,
        }
    }
}

/// Squares of 8 by 8 pixels in reading order, cut off at the edges. Red, green and blue of each are the next three bytes of
/// `state = state · 1664525 + 1013904223 mod 2³²`, of which the highest eight bits are taken.
pub fn picture(pattern: Pattern) -> RgbImage {
    let Pattern { side, seed } = pattern;
    let across = side.div_ceil(SQUARE);
    let mut state = seed;
    let colours: Vec<[u8; 3]> = (0..across * across)
        .map(|_| {
            [(); 3].map(|()| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            })
        })
        .collect();
    let pixels = (0..side * side).map(|i| (i / side / SQUARE) * across + i % side / SQUARE);
    RgbImage {
        width: side,
        height: side,
        data: pixels.flat_map(|square| colours[square]).collect(),
    }
}
