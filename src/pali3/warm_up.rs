//! Everything that answering needs, once and small, so that a GPU's kernels are compiled before the first question.

use super::{ModelDecoder, Pali3};
use crate::error::Result;
use crate::generation::Decoder;
use crate::image::PixelValues;

/// Patches along a side of the picture, and tokens of the prompt: more rows than the kernels for few rows take.
const PATCHES: usize = 4;
const PROMPT: usize = 12;
const BEAMS: usize = 4;
/// Stages that [`Pali3::warm_up`] reports.
const STAGES: usize = 4;

impl Pali3 {
    /// Encodes a small picture and a prompt and decodes a few tokens, greedily and with beams. `on_step` gets how many of
    /// how many stages are done, after each.
    ///
    /// # Errors
    /// [`crate::Error::Device`] when the device fails.
    pub async fn warm_up(&self, on_step: &mut dyn FnMut(usize, usize)) -> Result<()> {
        let side = PATCHES * self.parts.config.vision_config.patch_size;
        let image = self.encode_pixels(PixelValues::grey(side)).await?;
        on_step(1, STAGES);

        let text = &self.parts.config.text_config;
        let (hidden_states, mask) = self.encode_ids(&[image], &[text.eos_token_id; PROMPT])?;
        // Waits for the device, so that the stage is over when it is said to be.
        crate::device::read(hidden_states.clone().slice([0..1, 0..1, 0..1])).await?;
        on_step(2, STAGES);

        let mut decoder = ModelDecoder {
            model: self.clone(),
            cache: self.start_decoding(hidden_states, &mask, 4),
        };
        let start = text.decoder_start_token_id;
        for _ in 0..2 {
            decoder.step(&[start], Some(1)).await?;
        }
        on_step(3, STAGES);

        decoder.select_rows(&[0; BEAMS])?;
        decoder.step(&[start; BEAMS], Some(2 * BEAMS)).await?;
        // As when the best hypotheses all continue another one.
        decoder.select_rows(&[1, 0, 3, 3])?;
        decoder.step(&[start; BEAMS], Some(2 * BEAMS)).await?;
        on_step(4, STAGES);
        Ok(())
    }
}
