//! What generation and the session need of a model, whatever its family.
//!
//! | trait | what it is |
//! |---|---|
//! | [`Model`] | all parameters, and which of the others the model is |
//! | [`ImageEncoder`] | pictures → visual tokens that an encoder-decoder takes into its prompts |
//! | [`EncoderDecoder`] | prompts → logits, with the whole target or token by token ([`IncrementalDecoder`]) |
//! | [`ImageEmbedder`], [`TextEmbedder`] | pictures, texts → embeddings to compare |
//!
//! All of them are used as trait objects: a session holds a `Box<dyn Model>`.

use super::AttentionMask;
use crate::checkpoint::{DeviceTensors, Slot};
use crate::error::Result;
use crate::image::PixelValues;
use crate::nn::Trace;
use burn::tensor::{Device, Int, Tensor};

/// A model of any family: all its parameters, which wait for a checkpoint or have come from one.
pub trait Model {
    /// The places for tensors; asked for before [`Model::fill`].
    fn slots(&self) -> Vec<Slot>;
    /// The model with tensors in those places.
    fn fill(self: Box<Self>, tensors: DeviceTensors) -> Box<dyn Model>;

    /// What takes pictures into prompts.
    fn image_encoder(&self) -> Option<&dyn ImageEncoder> {
        None
    }
    /// What answers.
    fn encoder_decoder(&self) -> Option<&dyn EncoderDecoder> {
        None
    }
    /// What embeds pictures.
    fn image_embedder(&self) -> Option<&dyn ImageEmbedder> {
        None
    }
    /// What embeds texts.
    fn text_embedder(&self) -> Option<&dyn TextEmbedder> {
        None
    }
}

/// Pictures → visual tokens.
pub trait ImageEncoder {
    /// One preprocessed picture → visual tokens `[1, tokens, hidden]`: the costly half, worth keeping.
    fn visual_tokens(&self, pixel_values: PixelValues, trace: &Trace) -> Tensor<3>;
    /// Rows and columns that those tokens are of, row by row.
    fn grid(&self, pixel_values: &PixelValues) -> [usize; 2];
    /// `[batch, tokens, hidden]` → what an encoder takes among its embeddings, `[batch, tokens, width]`
    fn project(&self, visual_tokens: Tensor<3>, trace: &Trace) -> Tensor<3>;
    /// Parameters that tell this tower from others and are the same floats in every form of a folder.
    fn fingerprint(&self) -> Tensor<1>;
}

/// Prompts → hidden states → logits.
pub trait EncoderDecoder {
    /// `[batch, length]` ids → `[batch, length, width]`
    fn embed(&self, ids: Tensor<2, Int>) -> Tensor<3>;

    /// `[batch, length, width]` → the same: the encoder's `last_hidden_state`.
    fn encode(&self, embeds: Tensor<3>, mask: &AttentionMask, trace: &Trace) -> Tensor<3>;

    /// Teacher forcing: all decoder positions at once, `[batch, target]` ids → `[batch, target, vocab]` logits. A trace that asks
    /// gets `decoder.block.N.cross_attention.mean_weights` `[batch, target, length]` of each block.
    fn decode(
        &self,
        decoder_input_ids: Tensor<2, Int>,
        encoder_hidden_states: Tensor<3>,
        mask: &AttentionMask,
        trace: &Trace,
    ) -> Tensor<3>;

    /// A decoder for token by token: what it needs of this encoder output is computed here, once, and there is room for
    /// `max_length` tokens.
    fn start_decoding(
        &self,
        encoder_hidden_states: Tensor<3>,
        mask: &AttentionMask,
        max_length: usize,
    ) -> Box<dyn IncrementalDecoder>;

    /// How pictures enter: prompts as the encoder takes them, and the mask over that, from visual tokens
    /// `[batch, positions, width]` and ids `[batch, length]` with a mask over these.
    ///
    /// As it is here, visual tokens stand in front of the text. A family that has placeholder tokens for them puts them in the
    /// places of these.
    fn prompt_embeds(
        &self,
        visual_tokens: Option<Tensor<3>>,
        input_ids: Tensor<2, Int>,
        mask: &AttentionMask,
    ) -> (Tensor<3>, AttentionMask) {
        let text = self.embed(input_ids);
        match visual_tokens {
            Some(visual) => {
                let mask = mask.prepend(visual.dims()[1]);
                (Tensor::cat(vec![visual, text], 1), mask)
            }
            None => (text, mask.clone()),
        }
    }

    /// [`EncoderDecoder::prompt_embeds`] through the encoder: its output, and the mask over it.
    fn encode_prompts(
        &self,
        visual_tokens: Option<Tensor<3>>,
        input_ids: Tensor<2, Int>,
        mask: &AttentionMask,
        trace: &Trace,
    ) -> (Tensor<3>, AttentionMask) {
        let (embeds, mask) = self.prompt_embeds(visual_tokens, input_ids, mask);
        trace.record(|| "encoder.inputs_embeds".into(), &embeds);
        let hidden_states = self.encode(embeds, &mask, trace);
        (hidden_states, mask)
    }
}

/// A decoder under way: rows of hypotheses that grow by one token a step, and what it remembers of them.
pub trait IncrementalDecoder {
    /// One token for each row, `[rows]` ids → `[rows, vocab]` logits of the next one. The caller has seen that there is room.
    fn step(&mut self, ids: Tensor<1, Int>) -> Tensor<2>;
    /// Row `i` becomes what row `rows[i]` was; the number of rows may change.
    ///
    /// # Errors
    /// [`crate::Error::InvalidInput`] when there is no row left, or one that does not exist is asked for.
    fn select_rows(&mut self, rows: &[usize]) -> Result<()>;
    /// Number of hypotheses.
    fn rows(&self) -> usize;
    /// Tokens that still fit.
    fn room(&self) -> usize;
    /// Device that computes.
    fn device(&self) -> Device;
}

/// Pictures → embeddings.
pub trait ImageEmbedder {
    /// One preprocessed picture → `[1, embedding]`, of length 1.
    ///
    /// # Errors
    /// [`crate::Error::InvalidInput`] for a tower without the head that makes embeddings.
    fn image_embeds(&self, pixel_values: PixelValues, trace: &Trace) -> Result<Tensor<2>>;
}

/// Texts → embeddings, and how they are compared with those of pictures.
pub trait TextEmbedder {
    /// `[batch, length]` ids, padded to the tower's length → `[batch, embedding]`, each of length 1.
    fn text_embeds(&self, input_ids: Tensor<2, Int>, trace: &Trace) -> Tensor<2>;
    /// The logarithm of what cosines are multiplied by, and what is added then: `[1]` each.
    fn logit_scale_bias(&self) -> (Tensor<1>, Tensor<1>);
}
