//! Learning rate and loss weights by how far the run has come.

use serde::{Deserialize, Serialize};

/// How a run proceeds. Its clock is the share of the steps done or, with a time budget, of the minutes gone,
/// whichever is further.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// Optimizer steps in all.
    pub steps: usize,
    /// The first of them, in which the vision tower learns alone from the patch labels. A picture costs a fraction
    /// of what it costs with its questions, and questions are learnt fast by a tower that sees already; PaLI-3's
    /// tower is trained before the language model meets it, too.
    pub vision_steps: usize,
    /// Steps over which the learning rate grows from 0 at the start of both stages.
    pub warmup_steps: usize,
    /// Largest learning rate.
    pub learning_rate: f64,
    /// Time budget, in minutes.
    pub minutes: Option<f64>,
}

/// Share of the largest learning rate at the end of the run.
const FINAL_SHARE: f64 = 0.02;

impl Schedule {
    /// From 0 at the start to 1 at the end.
    pub fn progress(&self, step: usize, seconds: f64) -> f64 {
        let by_steps = step as f64 / self.steps.max(1) as f64;
        let by_time = self
            .minutes
            .map_or(0.0, |minutes| seconds / (60.0 * minutes));
        by_steps.max(by_time).min(1.0)
    }

    /// Linear warm-up, then half a cosine down to a fiftieth.
    pub fn learning_rate(&self, step: usize, seconds: f64) -> f64 {
        let since = if step < self.vision_steps {
            step
        } else {
            step - self.vision_steps
        };
        let warmup = ((since + 1) as f64 / self.warmup_steps.max(1) as f64).min(1.0);
        let cosine = 0.5 * (1.0 + (std::f64::consts::PI * self.progress(step, seconds)).cos());
        self.learning_rate * warmup * (FINAL_SHARE + (1.0 - FINAL_SHARE) * cosine)
    }

    /// Whether the questions take part at this step.
    pub fn asks(&self, step: usize) -> bool {
        step >= self.vision_steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_rises_falls_and_obeys_the_clock() {
        let mut schedule = Schedule {
            steps: 1000,
            vision_steps: 100,
            warmup_steps: 10,
            learning_rate: 1e-3,
            minutes: None,
        };
        let rate = |schedule: &Schedule, step, seconds| schedule.learning_rate(step, seconds);
        assert!((rate(&schedule, 0, 0.0) - 1e-4).abs() < 1e-6);
        assert!(rate(&schedule, 50, 0.0) > 0.95e-3);
        assert!(
            rate(&schedule, 100, 0.0) < 0.11e-3,
            "the text side warms up as well"
        );
        assert!((rate(&schedule, 500, 0.0) - 0.51e-3).abs() < 1e-5);
        assert!((rate(&schedule, 1000, 0.0) - 2e-5).abs() < 1e-8);
        assert!(
            (rate(&schedule, 500, 1e9) - 0.51e-3).abs() < 1e-5,
            "no budget, no clock"
        );
        schedule.minutes = Some(1.0);
        assert!((rate(&schedule, 500, 60.0) - 2e-5).abs() < 1e-8);
        assert!((schedule.progress(10, 30.0) - 0.5).abs() < 1e-9);
        assert!(!schedule.asks(99) && schedule.asks(100));
    }
}
