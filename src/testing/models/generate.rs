//! Generation against what HF's `generate()` gave.

use super::{Model, Run};
use crate::error::Result;
use crate::generation::{Generation, GenerationOptions};
use crate::models::{AttentionMask, EncoderDecoder};
use crate::session::ModelDecoder;
use crate::testing::Check;
use crate::testing::fixture::Generated;
use burn::tensor::Tensor;

impl Run<'_> {
    /// Generates through the caches and compares ids and scores.
    pub(super) async fn generate(
        &mut self,
        model: &Model,
        hidden_states: &Tensor<3>,
        mask: &AttentionMask,
        expected: &Generated,
    ) -> Result<()> {
        let (text, config) = model.text()?;
        let base = GenerationOptions {
            decoder_start_token_id: config.decoder_start(),
            eos_token_ids: vec![config.eos_token_id],
            ..Default::default()
        };
        let options = options(&base, expected)?;
        let decoder = text.start_decoding(hidden_states.clone(), mask, options.max_new_tokens);
        let decoder = ModelDecoder::new(decoder);
        let batch = hidden_states.dims()[0];
        let generation = Generation::new(decoder, batch, &options, |_: &[u32]| Ok(String::new()))?;
        let output = generation.run().await?;
        let name = format!("{}/generate/{}", expected.variant, expected.name);
        let ids: Vec<Vec<u32>> = output
            .sequences
            .iter()
            .map(|s| s.token_ids.clone())
            .collect();
        self.checks.push(Check::equal(
            format!("{name}: ids"),
            &ids,
            &expected.sequences,
        ));
        let scores: Vec<f64> = output
            .sequences
            .iter()
            .map(|s| f64::from(s.score))
            .collect();
        if let Some(expected) = expected
            .sequences_scores
            .as_ref()
            .or(expected.scores_sum.as_ref())
        {
            // A sum over up to 16 tokens, each within the tolerance.
            let tolerance = 16.0 * self.tolerance;
            self.checks.push(Check::values(
                format!("{name}: scores"),
                &scores,
                expected,
                tolerance,
            ));
        }
        Ok(())
    }
}

/// The case's options over a model's own, both as a `generation_config.json` would set them.
pub(super) fn options(base: &GenerationOptions, expected: &Generated) -> Result<GenerationOptions> {
    let json = expected.options.to_string();
    let options = base.clone().from_json(&expected.name, json.as_bytes())?;
    options.validate()?;
    Ok(options)
}
