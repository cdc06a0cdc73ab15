//! The model's decoder, one token a step, for the generation loop.

use super::Pali3;
use crate::compute;
use crate::compute::device::read;
use crate::error::{Error, Result};
use crate::generation::{Decoder, Logits, Scores};
use crate::models::T5Model;
use crate::models::t5::DecoderCache;
use burn::tensor::{Tensor, TensorData};

/// The model's decoder and its caches, as the generation loop drives them.
pub struct ModelDecoder {
    pub(super) model: Pali3,
    pub(super) cache: DecoderCache,
}

impl Decoder for ModelDecoder {
    async fn step(&mut self, token_ids: &[u32], best: Option<usize>) -> Result<Scores> {
        let model = &self.model.parts.text.model;
        decode_step(model, &mut self.cache, token_ids, best).await
    }

    fn select_rows(&mut self, rows: &[usize]) -> Result<()> {
        self.cache.select_rows(rows)
    }
}

/// One decoder step from ids to scores on the host; of those that lie on a GPU only the best cross over, where they
/// suffice.
///
/// # Errors
/// [`Error::InvalidInput`] when the cache is full or of another batch, [`Error::Device`] when the device fails.
pub(crate) async fn decode_step(
    model: &T5Model,
    cache: &mut DecoderCache,
    token_ids: &[u32],
    best: Option<usize>,
) -> Result<Scores> {
    if cache.room() == 0 || token_ids.len() != cache.rows() {
        return Err(Error::input(
            "token_ids",
            format!(
                "expected {} rows and room in the cache, found {} and room for {}",
                cache.rows(),
                token_ids.len(),
                cache.room()
            ),
        ));
    }
    let ids: Vec<i32> = token_ids.iter().map(|&id| id as i32).collect();
    let ids = Tensor::from_data(TensorData::new(ids, [token_ids.len()]), &cache.device());
    let logits = model.decode_step(ids, cache);
    if let Some(best) = best
        && let Some(found) = compute::best_tokens(&logits, best)
    {
        return Ok(Scores::Best(found.read().await?));
    }
    Ok(Scores::All(Logits {
        vocab_size: logits.dims()[1],
        values: read(logits).await?,
    }))
}
