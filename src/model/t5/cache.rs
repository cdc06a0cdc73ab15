//! What a decoder remembers between tokens.

use crate::error::{Error, Result};
use burn::tensor::{Device, Int, Tensor, TensorData};

/// Self-attention keys and values of one layer, room for every token allocated at the start.
#[derive(Debug)]
pub(super) struct SelfKeyValues {
    /// `[rows, heads, max_length, d_kv]`; empty before the first token, whose shape tells the sizes.
    storage: Option<(Tensor<4>, Tensor<4>)>,
    max_length: usize,
}

/// Cross-attention keys and values of one layer, computed once per image and prompt.
#[derive(Debug)]
pub(super) struct CrossKeyValues {
    /// `[prompts, heads, encoder length, d_kv]`
    pub(super) keys: Tensor<4>,
    /// `[prompts, heads, encoder length, d_kv]`
    pub(super) values: Tensor<4>,
}

#[derive(Debug)]
pub(super) struct LayerCache {
    pub(super) own: SelfKeyValues,
    pub(super) cross: CrossKeyValues,
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

impl SelfKeyValues {
    pub(super) fn new(max_length: usize) -> Self {
        Self {
            storage: None,
            max_length,
        }
    }

    /// Writes one position and returns everything up to and including it: `[rows, heads, position + 1, d_kv]`.
    pub(super) fn push(
        &mut self,
        key: Tensor<4>,
        value: Tensor<4>,
        position: usize,
    ) -> (Tensor<4>, Tensor<4>) {
        let [rows, heads, _, d_kv] = key.dims();
        let (keys, values) = self.storage.take().unwrap_or_else(|| {
            let empty = || Tensor::zeros([rows, heads, self.max_length, d_kv], &key.device());
            (empty(), empty())
        });
        // The storage is moved through, not cloned, so that the device writes in place.
        let here = [0..rows, 0..heads, position..position + 1, 0..d_kv];
        let keys = keys.slice_assign(here.clone(), key);
        let values = values.slice_assign(here, value);
        let so_far = [0..rows, 0..heads, 0..position + 1, 0..d_kv];
        let seen = (keys.clone().slice(so_far.clone()), values.clone().slice(so_far));
        self.storage = Some((keys, values));
        seen
    }

    fn select_rows(&mut self, rows: &Tensor<1, Int>) {
        if let Some((keys, values)) = self.storage.take() {
            self.storage = Some((
                keys.select(0, rows.clone()),
                values.select(0, rows.clone()),
            ));
        }
    }
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

    /// Row `i` becomes what row `rows[i]` was. The number of rows may change, but rows of one prompt stay together:
    /// with `n` rows a prompt, the first `n` belong to the first prompt.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when a row is moved to another prompt or does not exist.
    pub fn select_rows(&mut self, rows: &[usize]) -> Result<()> {
        let (before, after) = (self.rows / self.prompts, rows.len() / self.prompts);
        let in_place = !rows.is_empty()
            && rows.len().is_multiple_of(self.prompts)
            && rows
                .iter()
                .enumerate()
                .all(|(i, &row)| row < self.rows && row / before == i / after);
        if !in_place {
            return Err(Error::input(
                "beams",
                format!(
                    "rows {rows:?} do not keep {} rows of {} prompts in their groups",
                    self.rows, self.prompts
                ),
            ));
        }
        if rows.len() == self.rows && rows.iter().enumerate().all(|(i, &row)| i == row) {
            return Ok(());
        }
        self.rows = rows.len();
        let ids: Vec<i32> = rows.iter().map(|&row| row as i32).collect();
        let ids = Tensor::from_data(TensorData::new(ids, [rows.len()]), &self.device());
        for layer in &mut self.layers {
            layer.own.select_rows(&ids);
        }
        Ok(())
    }
}
