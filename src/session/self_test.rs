//! Whether a device computes what the processor computed: a few numbers of a fixed question, kept in a model folder as
//! `self_test.json`.
//!
//! The picture, where the model takes one, is made by `file::picture` at the model's own size. The decoder runs a few steps on
//! given tokens, so that one difference does not lead to others, through the caches as answers do.

mod file;

use super::{EncodedImage, ModelDecoder, Session};
use crate::error::{Error, Result};
use crate::generation::{Decoder, Logits, Scores};
use file::{Pattern, Step, Tolerance, Values, picture};
pub use file::{SELF_TEST, SelfTest};
use serde::Serialize;

/// Decoder steps, and how many values of the visual tokens and of each step's scores are kept.
const STEPS: usize = 4;
const KEPT: usize = 16;

/// What a self test found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SelfTestReport {
    /// Whether all checks are.
    pub ok: bool,
    /// One for each kind of number.
    pub checks: Vec<SelfCheck>,
}

/// One kind of number.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SelfCheck {
    /// `visual tokens`, `logits` or `best tokens`.
    pub name: &'static str,
    /// Largest absolute difference; infinite (`null` in JSON) where a value is not a number.
    pub largest_error: f32,
    /// The largest one allowed.
    pub tolerance: f32,
    /// Whether it is within it.
    pub ok: bool,
}

/// Everything that is compared.
struct Run {
    /// Empty where there is no picture.
    visual_tokens: Vec<f32>,
    /// Scores of the whole vocabulary at each step.
    logits: Vec<Vec<f32>>,
    /// What the search for the best token finds at each step: its id and score.
    best: Vec<(u32, f32)>,
}

impl Session {
    /// Computes a self test here; meant for the processor, whose numbers the others have to meet.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for a prompt that is too long, [`Error::UnsupportedModel`] for a model that does not answer,
    /// [`Error::Device`] when the device fails.
    pub async fn write_self_test(&self, prompt: &str) -> Result<SelfTest> {
        self.encoder_decoder()?;
        let pattern = self.config().vision().map(|input| Pattern {
            side: input.image_size,
            seed: 1,
        });
        let run = self.run_self_test(pattern, prompt, None).await?;
        let mut values = run.visual_tokens.iter().chain(run.logits.iter().flatten());
        if !values.all(|value| value.is_finite()) {
            return Err(Error::device("computed values that are not finite"));
        }
        let tops = || run.logits.iter().map(|logits| top(logits));
        let vocab_size = run.logits[0].len();
        // Ends included: a distance that is no multiple of the width, so that all parts of a token are seen.
        let spread = |count: usize| (0..KEPT).map(move |i| i * (count - 1) / (KEPT - 1));
        let visual_tokens = pattern.map(|_| {
            let indices: Vec<usize> = spread(run.visual_tokens.len()).collect();
            Values {
                values: indices.iter().map(|&i| run.visual_tokens[i]).collect(),
                indices,
            }
        });
        let vocabulary: Vec<u32> = spread(vocab_size).map(|id| id as u32).collect();
        let steps = run.logits.iter().zip(tops());
        let quantized = self.parts.dtypes.any_quantized();
        Ok(SelfTest {
            version: 1,
            picture: pattern,
            prompt: prompt.to_string(),
            visual_tokens,
            token_ids: tops().take(STEPS - 1).map(|(id, _)| id).collect(),
            steps: steps
                .map(|(logits, (top_token, top_logit))| Step {
                    logits: vocabulary.iter().map(|&id| logits[id as usize]).collect(),
                    top_token,
                    top_logit,
                })
                .collect(),
            vocabulary,
            tolerance: Tolerance {
                visual_tokens: pattern.map(|_| tolerance(quantized, &run.visual_tokens)),
                logits: tolerance(quantized, &run.logits.concat()),
            },
        })
    }

    /// Computes the same here and compares.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when the model was loaded in another form than the folder's, whose numbers the test holds;
    /// [`Error::Corrupt`] and [`Error::UnsupportedModel`] for a test of another model, [`Error::Device`] when the device
    /// fails; differences are in the report.
    pub async fn self_test(&self, test: &SelfTest) -> Result<SelfTestReport> {
        self.encoder_decoder()?;
        if self.dtypes().storage() != self.config().dtypes().storage() {
            let problem =
                "the model was loaded in another form than its folder has, whose numbers these are";
            return Err(Error::input(SELF_TEST, problem));
        }
        let vocab_size = self.config().vocab_size();
        let ids = test.token_ids.iter().chain(&test.vocabulary);
        if let Some(id) = ids.copied().find(|&id| id as usize >= vocab_size) {
            let problem =
                format!("token {id} of a vocabulary of {vocab_size}: the test of another model");
            return Err(Error::corrupt(SELF_TEST, problem));
        }
        let run = self
            .run_self_test(test.picture, &test.prompt, Some(&test.token_ids))
            .await?;
        let logits = run
            .logits
            .iter()
            .zip(&test.steps)
            .flat_map(|(logits, step)| {
                let found = test.vocabulary.iter().map(|&id| logits[id as usize]);
                found.zip(step.logits.iter().copied())
            });
        // Of two nearly equal scores either may be the best; but it has to be a best one.
        let best = run.best.iter().zip(&run.logits).zip(&test.steps);
        let best = best.flat_map(|((&(id, logit), logits), step)| {
            let of_id = logits.get(id as usize).copied();
            [
                (logit, step.top_logit),
                (of_id.unwrap_or(f32::NAN), step.top_logit),
            ]
        });
        let Tolerance {
            visual_tokens,
            logits: tolerance,
        } = test.tolerance;
        let mut checks = vec![];
        if let (Some(Values { indices, values }), Some(tolerance)) =
            (&test.visual_tokens, visual_tokens)
        {
            let visual = indices.iter().zip(values).map(|(&i, &expected)| {
                let found = run.visual_tokens.get(i).copied();
                (found.unwrap_or(f32::NAN), expected)
            });
            checks.push(SelfCheck::of("visual tokens", visual, tolerance));
        }
        checks.push(SelfCheck::of("logits", logits, tolerance));
        checks.push(SelfCheck::of("best tokens", best, tolerance));
        Ok(SelfTestReport {
            ok: checks.iter().all(|check| check.ok),
            checks,
        })
    }

    /// `token_ids`: what to feed; `None`: the best token of each step.
    async fn run_self_test(
        &self,
        pattern: Option<Pattern>,
        prompt: &str,
        token_ids: Option<&[u32]>,
    ) -> Result<Run> {
        let (mut images, mut visual_tokens) = (vec![], vec![]);
        if let Some(pattern) = pattern {
            let image = self.encode_image(&picture(pattern)).await?;
            visual_tokens = image.visual_tokens().await?.1;
            images.push(image);
        }
        let mut all = self.decoder(&images, prompt)?;
        let (mut logits, mut fed) = (vec![], vec![]);
        for step in 0..STEPS {
            let Scores::All(Logits { values, .. }) = all.step(&self.fed(&fed)?, None).await? else {
                return Err(Error::device("gave some scores when all were asked for"));
            };
            fed.push(match token_ids {
                Some(ids) if step < ids.len() => ids[step],
                _ => top(&values).0,
            });
            logits.push(values);
        }
        let mut search = self.decoder(&images, prompt)?;
        let mut best = vec![];
        for step in 0..STEPS {
            best.push(
                match search.step(&self.fed(&fed[..step])?, Some(1)).await? {
                    Scores::All(Logits { values, .. }) => top(&values),
                    Scores::Best(found) => match &found[..] {
                        [row] if !row.token_ids.is_empty() => (row.token_ids[0], row.logits[0]),
                        _ => return Err(Error::device("found no best token")),
                    },
                },
            );
        }
        Ok(Run {
            visual_tokens,
            logits,
            best,
        })
    }

    fn decoder(&self, images: &[EncodedImage], prompt: &str) -> Result<ModelDecoder> {
        let (_, model) = self.encoder_decoder()?;
        let (hidden_states, mask) = self.encode(images, prompt)?;
        let decoder = model.start_decoding(hidden_states, &mask, STEPS);
        Ok(ModelDecoder::new(decoder))
    }

    /// What the decoder gets next after these tokens.
    fn fed(&self, before: &[u32]) -> Result<[u32; 1]> {
        let start = self.generation_options()?.decoder_start_token_id;
        Ok([before.last().copied().unwrap_or(start)])
    }
}

impl SelfCheck {
    /// Of pairs found and expected.
    fn of(name: &'static str, pairs: impl Iterator<Item = (f32, f32)>, tolerance: f32) -> Self {
        let errors = pairs.map(|(found, expected)| (found - expected).abs());
        // A NaN counts as infinitely far off; `max` alone would pass over it.
        let errors = errors.map(|error| if error.is_nan() { f32::INFINITY } else { error });
        let largest_error = errors.fold(0.0, f32::max);
        Self {
            name,
            largest_error,
            tolerance,
            ok: largest_error <= tolerance,
        }
    }
}

/// The entry with the largest score, the first of equals.
fn top(logits: &[f32]) -> (u32, f32) {
    let mut top = (0, f32::NEG_INFINITY);
    for (id, &logit) in logits.iter().enumerate() {
        if logit > top.1 {
            top = (id as u32, logit);
        }
    }
    top
}

/// What devices may differ by, in proportion to how far the values themselves are spread.
fn tolerance(quantized: bool, values: &[f32]) -> f32 {
    let count = values.len() as f64;
    let mean = values.iter().map(|&x| f64::from(x)).sum::<f64>() / count;
    let variance = values
        .iter()
        .map(|&x| (f64::from(x) - mean).powi(2))
        .sum::<f64>()
        / count;
    let share = if quantized { QUANTIZED } else { FLOATS };
    (share * variance.sqrt()) as f32
}

/// Shares of the values' standard deviation. Measured between the processor and Mesa's software Vulkan: at most 5e-6 for
/// floats (pali3-tiny, the fixtures), and 8e-4 for 4 bits, where the processor has activations of 16 bits (the fixtures;
/// 2e-4 for pali3-tiny-q4, 1e-4 and less for random towers of 428 and encoder-decoders of 770 million parameters). Graphics
/// cards are allowed more, as their exponentials are less exact; what is broken is off by about 1.
const FLOATS: f64 = 1e-3;
const QUANTIZED: f64 = 1e-2;
