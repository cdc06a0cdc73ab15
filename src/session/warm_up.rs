//! Everything that answering or embedding needs, once and small, so that a GPU's kernels are compiled before the first call.
//!
//! Kernels that go through rows take one, two, four or eight numbers at a time, whichever divides a row's length. So lengths of
//! each kind come: of the encoder's input, of the room for an answer and, as the decoder goes on, of its past.

use super::{EncodedImage, ModelDecoder, Session};
use crate::compute::device::read;
use crate::error::Result;
use crate::generation::Decoder;
use crate::image::PixelValues;
use crate::models::{Capability, VisionInput};
use crate::nn::{MANY_ROWS, Trace};

/// Tokens of the prompts, and of what stands before them: the picture's and, up to as many as kernels have to see, more.
const PROMPTS: [usize; 4] = [12, 13, 14, 16];
const BEFORE: usize = MANY_ROWS.next_multiple_of(8);
/// Tokens of prompts alone, as few as the kernels for few rows and the smaller tiles take, and of texts that are scored.
const SHORT: [usize; 4] = [2, 3, 4, 8];
/// Tokens that are decoded one by one, and then by several hypotheses.
const STEPS: usize = 4;
const BEAMS: usize = 4;
/// Stages of answering, and of embedding.
const STAGES: usize = 4;
const EMBEDDING_STAGES: usize = 2;

impl Session {
    /// Has the device compile what the model's calls need. `on_step` gets how many of how many stages are done, after each.
    ///
    /// # Errors
    /// [`crate::Error::Device`] when the device fails.
    pub async fn warm_up(&self, on_step: &mut dyn FnMut(usize, usize)) -> Result<()> {
        match self.can(Capability::Generate) {
            true => self.warm_up_answers(on_step).await,
            false => self.warm_up_embeddings(on_step).await,
        }
    }

    /// Embeds a small picture and texts.
    async fn warm_up_embeddings(&self, on_step: &mut dyn FnMut(usize, usize)) -> Result<()> {
        if let Some(input) = self.config().vision() {
            self.embed_pixels(grey(&input)).await?;
        }
        on_step(1, EMBEDDING_STAGES);
        if self.can(Capability::EmbedTexts) {
            // One text alone and several together take different kernels.
            for count in [1, 2] {
                self.embed_texts(&vec![String::new(); count]).await?;
            }
        }
        on_step(2, EMBEDDING_STAGES);
        Ok(())
    }

    /// Encodes a small picture, where the model takes one, and prompts, scores texts, and decodes a few tokens, greedily and with
    /// beams.
    async fn warm_up_answers(&self, on_step: &mut dyn FnMut(usize, usize)) -> Result<()> {
        let (prompts, model) = self.encoder_decoder()?;
        let mut images = vec![];
        if self.can(Capability::SeeImages)
            && let Some(input) = self.config().vision()
        {
            images.push(self.encode_pixels(grey(&input)).await?);
        }
        on_step(1, STAGES);

        let visual_tokens = images.iter().map(EncodedImage::len).sum();
        let more = BEFORE.saturating_sub(visual_tokens);
        let ids = |length| vec![prompts.config.eos_token_id; length];
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
            // Answers of each kind of length.
            let decoder = model.start_decoding(hidden_states, &mask, 2 * STEPS - i);
            decoders.push(ModelDecoder::new(decoder));
        }
        on_step(2, STAGES);

        let start = prompts.generation.decoder_start_token_id;
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

/// A grey square: as many patches as kernels have to see, or 8 × 8 where the model's own pictures have fewer.
fn grey(input: &VisionInput) -> PixelValues {
    let many = MANY_ROWS.isqrt();
    let many = many + usize::from(many * many < MANY_ROWS);
    let own = input.image_size / input.patch_size;
    let patches = if own < many { 8 } else { many };
    let side = patches * input.patch_size;
    PixelValues::zeros(side, side)
}
