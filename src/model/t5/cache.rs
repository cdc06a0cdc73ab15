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
        let seen = (
            keys.clone().slice(so_far.clone()),
            values.clone().slice(so_far),
        );
        self.storage = Some((keys, values));
        seen
    }

    fn select_rows(&mut self, rows: &Tensor<1, Int>) {
        if let Some((keys, values)) = self.storage.take() {
            self.storage = Some((keys.select(0, rows.clone()), values.select(0, rows.clone())));
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
