//! What makes a run.

use super::batch::BatchShape;
use super::schedule::Schedule;
use super::tokenizer::VOCAB_SIZE;
use crate::error::{Error, Result};
use crate::models::Pali3Config;
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

    /// The command that runs this recipe from nothing; figures that the default gives are spelt out all the same.
    pub fn command(&self) -> String {
        let schedule = &self.schedule;
        let minutes = schedule
            .minutes
            .map_or(String::new(), |m| format!(" --minutes {m}"));
        format!(
            "pali3 train --out DIR --seed {} --steps {} --vision-steps {} --warmup-steps {} --batch-size {} \
             --questions {} --learning-rate {} --weight-decay {}{minutes}",
            self.seed,
            schedule.steps,
            schedule.vision_steps,
            schedule.warmup_steps,
            self.batch_size,
            self.questions,
            schedule.learning_rate,
            self.weight_decay,
        )
    }
}
