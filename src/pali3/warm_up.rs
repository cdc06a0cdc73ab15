//! Everything that answering needs, once and small, so that a GPU's kernels are compiled before the first question.
//!
//! Kernels that go through rows take one, two, four or eight numbers at a time, whichever divides a row's length. So lengths of
//! each kind come: of the encoder's input, of the room for an answer and, as the decoder goes on, of its past.

use super::{EncodedImage, ModelDecoder, Pali3, Text};
use crate::compute::MANY_ROWS;
use crate::compute::device::read;
use crate::error::Result;
use crate::generation::Decoder;
use crate::models::siglip::warm_up_pixels;
use crate::nn::Trace;

/// Tokens of the prompts, and of what stands before them: the picture's and, up to as many as kernels have to see, more.
const PROMPTS: [usize; 4] = [12, 13, 14, 16];
const BEFORE: usize = MANY_ROWS.next_multiple_of(8);
/// Tokens of prompts alone, as few as the kernels for few rows and the smaller tiles take, and of texts that are scored.
const SHORT: [usize; 4] = [2, 3, 4, 8];
/// Tokens that are decoded one by one, and then by several hypotheses.
const STEPS: usize = 4;
const BEAMS: usize = 4;
/// Stages that [`Pali3::warm_up`] reports.
const STAGES: usize = 4;

impl Pali3 {
    /// Encodes a small picture, where the model takes one, and prompts, scores texts, and decodes a few tokens, greedily and with
    /// beams.
    /// `on_step` gets how many of how many stages are done, after each.
    ///
    /// # Errors
    /// [`crate::Error::Device`] when the device fails.
    pub async fn warm_up(&self, on_step: &mut dyn FnMut(usize, usize)) -> Result<()> {
        let mut images = vec![];
        if let Some(vision) = self.vision_config() {
            let pixels = warm_up_pixels(vision);
            images.push(self.encode_pixels(pixels).await?);
        }
        on_step(1, STAGES);

        let Text {
            model,
            config: text,
            ..
        } = &self.parts.text;
        let visual_tokens = images.iter().map(EncodedImage::len).sum();
        let more = BEFORE.saturating_sub(visual_tokens);
        let ids = |length| vec![text.eos_token_id; length];
        // Pictures alone come with the end of the prompt.
        self.encode_ids(&images, &ids(1))?;
        for length in SHORT {
            self.encode_ids(&[], &ids(length))?;
        }
        let mut decoders = vec![];
        for (i, (length, short)) in PROMPTS.into_iter().zip(SHORT).enumerate() {
            let (hidden_states, mask) = self.encode_ids(&images, &ids(length + more))?;
            // Waits for the device, so that the stage is over when it is said to be.
            read(hidden_states.clone().slice([0..1, 0..1, 0..1])).await?;
            let target = self.int_tensor(&ids(short));
            model.decode(target, hidden_states.clone(), &mask, &Trace::off());
            decoders.push(ModelDecoder {
                model: self.clone(),
                // Answers of each kind of length.
                cache: self.start_decoding(hidden_states, &mask, 2 * STEPS - i),
            });
        }
        on_step(2, STAGES);

        let start = text.decoder_start();
        for decoder in &mut decoders {
            decoder.step(&[start], Some(1)).await?;
        }
        let decoder = &mut decoders[0];
        for _ in 1..STEPS {
            decoder.step(&[start], Some(1)).await?;
        }
        on_step(3, STAGES);

        decoder.select_rows(&[0; BEAMS])?;
        for _ in 0..STEPS {
            decoder.step(&[start; BEAMS], Some(2 * BEAMS)).await?;
            // As when the best hypotheses do not all continue themselves.
            decoder.select_rows(&[1, 0, 3, 3])?;
        }
        on_step(4, STAGES);
        Ok(())
    }
}
