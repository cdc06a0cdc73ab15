//! What makes a run.

use super::batch::BatchShape;
use super::schedule::Schedule;
use crate::error::{Error, Result};
use crate::models::{PRESETS, Pali3Config, Preset};
use crate::scenes::tokenizer::VOCAB_SIZE;
use serde::{Deserialize, Serialize};

/// What makes a run: the same recipe gives the same model on the same kind of processor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// The model to train.
    pub config: Pali3Config,
    /// Seed of the weights and of the scenes.
    pub seed: u64,
    /// Scenes in a batch.
    pub batch_size: usize,
    /// Questions about each of them.
    pub questions: usize,
    /// Share of the learning rate by which matrices shrink at each step.
    pub weight_decay: f64,
    /// Gradients are shortened to this norm.
    pub max_gradient_norm: f64,
    /// Weight of the patch labels' loss beside the answers'.
    pub patch_loss_weight: f64,
    /// Steps, stages and learning rate.
    pub schedule: Schedule,
    /// A checkpoint and a measurement on held-out scenes after every so many steps.
    pub evaluate_every: usize,
    /// Held-out scenes of these measurements.
    pub evaluation_scenes: usize,
}

impl Recipe {
    /// The recipe that has worked for `pali3-tiny`, for a model of this shape.
    pub fn new(config: Pali3Config) -> Self {
        Self {
            config,
            seed: 1,
            batch_size: 16,
            questions: 4,
            weight_decay: 0.01,
            max_gradient_norm: 1.0,
            patch_loss_weight: 1.0,
            schedule: Schedule {
                steps: 6000,
                vision_steps: 2000,
                warmup_steps: 100,
                learning_rate: 1e-3,
                minutes: None,
            },
            evaluate_every: 500,
            evaluation_scenes: 500,
        }
    }

    /// # Errors
    /// [`Error::InvalidOption`] for values that no run can have.
    pub fn validate(&self) -> Result<()> {
        let at_least_one = [
            ("steps", self.schedule.steps),
            ("batch_size", self.batch_size),
            ("questions", self.questions),
            ("evaluate_every", self.evaluate_every),
            ("evaluation_scenes", self.evaluation_scenes),
        ];
        for (option, value) in at_least_one {
            if value == 0 {
                return Err(Error::option(
                    option,
                    "0 is not allowed, expected at least 1",
                ));
            }
        }
        let rates = [
            ("learning_rate", self.schedule.learning_rate),
            ("max_gradient_norm", self.max_gradient_norm),
            ("minutes", self.schedule.minutes.unwrap_or(1.0)),
        ];
        for (option, value) in rates {
            if !(value.is_finite() && value > 0.0) {
                return Err(Error::option(
                    option,
                    format!("{value} is not a number above 0"),
                ));
            }
        }
        for (option, value) in [
            ("weight_decay", self.weight_decay),
            ("patch_loss_weight", self.patch_loss_weight),
        ] {
            if !(value.is_finite() && value >= 0.0) {
                return Err(Error::option(
                    option,
                    format!("{value} is not a number from 0 up"),
                ));
            }
        }
        if self.config.text_config.vocab_size < VOCAB_SIZE {
            return Err(Error::option(
                "preset",
                format!(
                    "its vocabulary of {} is smaller than the tokenizer's {VOCAB_SIZE}",
                    self.config.text_config.vocab_size
                ),
            ));
        }
        Ok(())
    }

    pub(super) fn batch_shape(&self) -> BatchShape {
        BatchShape::new(self.batch_size, self.questions, &self.config.vision_config)
    }

    /// The size's name; `None` for a configuration that has none.
    pub fn preset(&self) -> Option<&'static Preset> {
        let is_ours = |preset: &&Preset| preset.pali3_config().as_ref() == Some(&self.config);
        PRESETS.iter().find(is_ours)
    }

    /// The command that runs this recipe from nothing. Every option is written out, whether or not it is the default.
    pub fn command(&self) -> String {
        let schedule = &self.schedule;
        let preset = self.preset().map(|preset| preset.name.to_string());
        let options = [
            ("preset", preset),
            ("seed", Some(self.seed.to_string())),
            ("steps", Some(schedule.steps.to_string())),
            ("vision-steps", Some(schedule.vision_steps.to_string())),
            ("warmup-steps", Some(schedule.warmup_steps.to_string())),
            ("batch-size", Some(self.batch_size.to_string())),
            ("questions", Some(self.questions.to_string())),
            ("learning-rate", Some(schedule.learning_rate.to_string())),
            ("weight-decay", Some(self.weight_decay.to_string())),
            ("evaluate-every", Some(self.evaluate_every.to_string())),
            (
                "minutes",
                schedule.minutes.map(|minutes| minutes.to_string()),
            ),
        ];
        let options = options.into_iter();
        let given = options.filter_map(|(name, value)| Some(format!(" --{name} {}", value?)));
        given.fold("pali3 train --out DIR".to_string(), |command, option| {
            command + &option
        })
    }
}
