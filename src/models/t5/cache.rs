//! What a decoder remembers between tokens.

use crate::error::{Error, Result};
use crate::nn::{KeyValueCache, KeyValues};
use burn::tensor::{Device, Int, Tensor, TensorData};

#[derive(Debug)]
pub(super) struct LayerCache {
    /// Of all tokens so far.
    pub(super) own: KeyValueCache,
    /// Keys and values of the encoder's output, computed once per image and prompt: `[prompts, heads, encoder length, d_kv]`.
    pub(super) cross: KeyValues,
}

/// The decoder's state: `rows` hypotheses that grow by one token a step.
#[derive(Debug)]
pub struct DecoderCache {
    pub(super) layers: Vec<LayerCache>,
    /// Bias of a query for its whole past, `[1, heads, 1, max_length]`, nearest key last.
    pub(super) past_bias: Tensor<4>,
    /// Encoder padding, `[prompts, 1, 1, encoder length]`.
    pub(super) encoder_mask: Option<Tensor<4>>,
    pub(super) position: usize,
    pub(super) max_length: usize,
    prompts: usize,
    rows: usize,
}

impl DecoderCache {
    pub(super) fn new(
        layers: Vec<LayerCache>,
        past_bias: Tensor<4>,
        encoder_mask: Option<Tensor<4>>,
        max_length: usize,
        prompts: usize,
    ) -> Self {
        Self {
            layers,
            past_bias,
            encoder_mask,
            position: 0,
            max_length,
            prompts,
            rows: prompts,
        }
    }

    /// Number of hypotheses.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Tokens that still fit.
    pub fn room(&self) -> usize {
        self.max_length - self.position
    }

    /// Device that holds the cache.
    pub fn device(&self) -> Device {
        self.past_bias.device()
    }

    /// Row `i` becomes what row `rows[i]` was; the number of rows may change.
    ///
    /// Rows of one prompt share its cross-attention keys and values as long as they stay side by side and all prompts
    /// have equally many; otherwise each row gets its own copy.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when there is no row left, or one that does not exist is asked for.
    pub fn select_rows(&mut self, rows: &[usize]) -> Result<()> {
        if rows.is_empty() || rows.iter().any(|&row| row >= self.rows) {
            let problem = format!("expected some of {} rows, found {rows:?}", self.rows);
            return Err(Error::input("rows", problem));
        }
        let per_prompt = self.rows / self.prompts;
        let owners: Vec<usize> = rows.iter().map(|row| row / per_prompt).collect();
        let entries = shared_entries(&owners);
        if !is_identity(&entries, self.prompts) {
            let ids = index_tensor(&entries, &self.device());
            for layer in &mut self.layers {
                layer.cross.keys = layer.cross.keys.clone().select(0, ids.clone());
                layer.cross.values = layer.cross.values.clone().select(0, ids.clone());
            }
            self.encoder_mask = self.encoder_mask.take().map(|mask| mask.select(0, ids));
            self.prompts = entries.len();
        }
        if !is_identity(rows, self.rows) {
            let ids = index_tensor(rows, &self.device());
            for layer in &mut self.layers {
                layer.own.select_rows(&ids);
            }
            self.rows = rows.len();
        }
        Ok(())
    }
}

/// Which prompt each entry of the cross-attention caches has to be, when row `i` belongs to prompt `owners[i]`.
fn shared_entries(owners: &[usize]) -> Vec<usize> {
    let groups: Vec<&[usize]> = owners.chunk_by(|a, b| a == b).collect();
    if groups.iter().all(|group| group.len() == groups[0].len()) {
        groups.iter().map(|group| group[0]).collect()
    } else {
        owners.to_vec()
    }
}

fn is_identity(indices: &[usize], length: usize) -> bool {
    indices.iter().copied().eq(0..length)
}

fn index_tensor(indices: &[usize], device: &Device) -> Tensor<1, Int> {
    let ids: Vec<i32> = indices.iter().map(|&index| index as i32).collect();
    Tensor::from_data(TensorData::new(ids, [indices.len()]), device)
}
