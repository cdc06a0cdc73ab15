//! How many questions about held-out scenes the model answers right, beside what guessing would get.

use super::batch::{Batch, BatchShape};
use super::network::Network;
use crate::error::{Error, Result};
use crate::scenes::tokenizer::PAD;
use crate::scenes::{QuestionType, Split};
use crate::tokenizer::Tokenizer;
use burn::tensor::Device;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The scenes of an evaluation have a seed of their own, so that all runs are measured alike.
pub(super) const EVALUATION_SEED: u64 = 20231013;

/// Questions asked, and answers given right.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    /// Questions.
    pub asked: usize,
    /// Right answers.
    pub right: usize,
    /// How often each answer would have been right.
    pub answers: BTreeMap<String, usize>,
}

impl Tally {
    fn add(&mut self, answer: &str, right: bool) {
        self.asked += 1;
        self.right += usize::from(right);
        *self.answers.entry(answer.to_string()).or_default() += 1;
    }

    /// Share of right answers; 0 when nothing was asked.
    pub fn share(&self) -> f32 {
        self.right as f32 / self.asked.max(1) as f32
    }

    /// The most frequent answer, and the share of right answers that saying nothing else would get.
    pub fn majority(&self) -> (&str, f32) {
        let most = self.answers.iter().max_by_key(|(_, count)| **count);
        most.map_or(("", 0.0), |(answer, &count)| {
            (answer.as_str(), count as f32 / self.asked.max(1) as f32)
        })
    }
}

/// Result of an evaluation.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Accuracy {
    /// Scenes looked at.
    pub scenes: usize,
    /// Over all questions.
    pub all: Tally,
    /// By type, in the order of [`QuestionType::ALL`].
    pub by_type: [Tally; 4],
    /// Over the questions about a colour-shape pair that training never shows.
    pub held_out_pairs: Tally,
}

impl Accuracy {
    fn add(&mut self, kind: QuestionType, concerns_held_out: bool, answer: &str, right: bool) {
        self.all.add(answer, right);
        for (of_type, tally) in QuestionType::ALL.into_iter().zip(&mut self.by_type) {
            if of_type == kind {
                tally.add(answer, right);
            }
        }
        if concerns_held_out {
            self.held_out_pairs.add(answer, right);
        }
    }
}

/// Asks about `scenes` held-out scenes (rounded up to whole batches). An answer is right when every token is the most
/// probable one after the right tokens before it, up to `</s>`: exactly when greedy decoding gives that answer.
///
/// # Errors
/// [`Error::Device`] when the device fails.
pub(super) fn evaluate(
    network: &Network,
    tokenizer: &Tokenizer,
    shape: BatchShape,
    scenes: usize,
    device: &Device,
) -> Result<Accuracy> {
    let mut accuracy = Accuracy::default();
    for index in 0..scenes.div_ceil(shape.scenes.max(1)) {
        let batch = Batch::make(
            tokenizer,
            shape,
            Split::HeldOut,
            EVALUATION_SEED,
            index as u64,
        )?;
        let visual_tokens = network.visual_tokens(&batch, shape, device);
        let logits = network.answer_logits(visual_tokens, &batch, shape, device);
        let chosen = logits.argmax(2).try_into_data().map_err(Error::device)?;
        let chosen: Vec<i64> = chosen.iter::<i64>().collect();
        let rows = chosen
            .chunks(batch.answer_length)
            .zip(batch.labels.chunks(batch.answer_length));
        for ((chosen, labels), (asked, concerns_held_out)) in rows.zip(&batch.asked) {
            let right = chosen
                .iter()
                .zip(labels)
                .all(|(&token, &label)| label == PAD as i32 || token == i64::from(label));
            let kind = asked.question.question_type();
            accuracy.add(kind, *concerns_held_out, asked.answer, right);
        }
        accuracy.scenes += shape.scenes;
    }
    Ok(accuracy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_majorities_are_counted() {
        let mut accuracy = Accuracy::default();
        accuracy.add(QuestionType::Colour, false, "red", true);
        accuracy.add(QuestionType::Colour, true, "red", false);
        accuracy.add(QuestionType::Colour, false, "blue", true);
        accuracy.add(QuestionType::Exists, false, "no", false);
        assert_eq!(accuracy.all.share(), 0.5);
        assert_eq!(accuracy.by_type[0].majority(), ("red", 2.0 / 3.0));
        assert_eq!(accuracy.by_type[3].share(), 0.0);
        assert_eq!(
            (accuracy.held_out_pairs.asked, accuracy.held_out_pairs.right),
            (1, 0)
        );
        assert_eq!(Tally::default().majority(), ("", 0.0));
    }
}
