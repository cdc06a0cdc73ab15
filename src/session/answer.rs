//! Answers under way.

use super::{EncodedImage, ModelDecoder, Session};
use crate::error::Result;
use crate::generation::{Generation, GenerationOptions};

/// Turns token ids into text.
pub type Detokenize = Box<dyn Fn(&[u32]) -> Result<String>>;
/// An answer under way.
pub type Answer = Generation<ModelDecoder, Detokenize>;

impl Session {
    /// Starts an answer. Pictures, whose tokens stand in front of the prompt in the order given, a prompt, or both; an empty
    /// prompt asks about the pictures alone.
    ///
    /// # Errors
    /// [`crate::Error::InvalidInput`] for a prompt that is too long, [`crate::Error::InvalidOption`] for options out of range,
    /// [`crate::Error::UnsupportedModel`] for a model that does not answer.
    pub fn generate(
        &self,
        images: &[EncodedImage],
        prompt: &str,
        options: &GenerationOptions,
    ) -> Result<Answer> {
        let (_, model) = self.encoder_decoder()?;
        options.validate()?;
        let (hidden_states, mask) = self.encode(images, prompt)?;
        let decoder = model.start_decoding(hidden_states, &mask, options.max_new_tokens);
        let session = self.clone();
        let decode: Detokenize = Box::new(move |ids| session.tokenizer()?.decode(ids, true));
        Generation::new(ModelDecoder::new(decoder), 1, options, decode)
    }
}
