//! A model's decoder, one token a step, for the generation loop.

use crate::compute;
use crate::compute::device::read;
use crate::error::{Error, Result};
use crate::generation::{Decoder, Logits, Scores};
use crate::models::IncrementalDecoder;
use burn::tensor::{Tensor, TensorData};

/// A decoder of any family, from ids to scores on the host; of those that lie on a GPU only the best cross over, where they
/// suffice.
pub struct ModelDecoder {
    decoder: Box<dyn IncrementalDecoder>,
}

impl ModelDecoder {
    /// For the generation loop.
    pub fn new(decoder: Box<dyn IncrementalDecoder>) -> Self {
        Self { decoder }
    }
}

impl Decoder for ModelDecoder {
    /// # Errors
    /// [`Error::InvalidInput`] when the cache is full or of another batch, [`Error::Device`] when the device fails.
    async fn step(&mut self, token_ids: &[u32], best: Option<usize>) -> Result<Scores> {
        let (rows, room) = (self.decoder.rows(), self.decoder.room());
        if room == 0 || token_ids.len() != rows {
            let problem = format!(
                "expected {rows} rows and room in the cache, found {} and room for {room}",
                token_ids.len(),
            );
            return Err(Error::input("token_ids", problem));
        }
        let ids: Vec<i32> = token_ids.iter().map(|&id| id as i32).collect();
        let ids = TensorData::new(ids, [token_ids.len()]);
        let logits = self
            .decoder
            .step(Tensor::from_data(ids, &self.decoder.device()));
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

    fn select_rows(&mut self, rows: &[usize]) -> Result<()> {
        self.decoder.select_rows(rows)
    }
}
