//! The text tower.

use super::SiglipTextConfig;
use super::encoder::{Encoder, EncoderConfig};
use crate::nn::{Embedding, LayerNorm, Linear, Place, Table, Trace};
use burn::module::Module;
use burn::tensor::{Int, Tensor, s};

#[derive(Module, Debug)]
struct TextEmbeddings {
    token_embedding: Embedding,
    position_embedding: Table,
}

/// Token and position embeddings → pre-norm blocks → norm → the last position through the head.
///
/// Trained on texts that are all padded to one length, without a mask: padding is part of the input.
#[derive(Module, Debug)]
pub struct SiglipTextModel {
    embeddings: TextEmbeddings,
    encoder: Encoder,
    final_layer_norm: LayerNorm,
    head: Linear,
}

impl SiglipTextModel {
    /// A tower whose parameters wait for a checkpoint, or are drawn at random when first used.
    pub fn new(config: &SiglipTextConfig, place: &Place) -> Self {
        let (blocks, hidden) = (EncoderConfig::from(config), config.hidden_size);
        let std = (hidden as f64).powf(-0.5);
        let positions = config.max_position_embeddings;
        Self {
            embeddings: TextEmbeddings {
                token_embedding: Embedding::new(config.vocab_size, hidden, std, place),
                position_embedding: Table::new(positions, hidden, std, &place.device),
            },
            encoder: Encoder::new(&blocks, place),
            final_layer_norm: blocks.norm(place),
            head: Linear::new(hidden, config.embedding_size(), true, std, place),
        }
    }

    /// `[batch, length]` ids, at most as long as there are positions → `[batch, length, hidden]`, the `last_hidden_state`.
    pub fn forward(&self, input_ids: Tensor<2, Int>, trace: &Trace) -> Tensor<3> {
        let [batch, length] = input_ids.dims();
        let tokens = input_ids.reshape([batch * length]);
        let tokens = self.embeddings.token_embedding.forward(tokens);
        let positions = self.embeddings.position_embedding.value();
        let [_, hidden] = positions.dims();
        let positions = positions.slice([0..length, 0..hidden]);
        let embeddings = tokens.reshape([batch, length, hidden]) + positions.unsqueeze();
        trace.record(|| "text.embeddings".into(), &embeddings);
        let hidden_states = self.encoder.forward(embeddings, "text", trace);
        let hidden_states = self.final_layer_norm.forward(hidden_states);
        trace.record(|| "text.last_hidden_state".into(), &hidden_states);
        hidden_states
    }

    /// `last_hidden_state` → `[batch, embedding]`
    pub fn pool(&self, last_hidden_state: Tensor<3>, trace: &Trace) -> Tensor<2> {
        let last = last_hidden_state.slice(s![.., -1.., ..]).squeeze_dim(1);
        let pooled = self.head.forward(last);
        trace.record(|| "text.pooler_output".into(), &pooled);
        pooled
    }
}
