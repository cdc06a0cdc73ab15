//! What a decoder remembers between tokens.

use crate::compute::{Plan, append, attend_step, attends_in_steps};
use crate::error::{Error, Result};
use crate::nn::KeyValues;
use burn::tensor::{Device, Int, Tensor, TensorData};

/// Self-attention keys and values of one layer, room for every token allocated at the start.
#[derive(Debug)]
pub(super) struct SelfKeyValues {
    /// Keys and values, `[rows, heads, max_length, d_kv]`; empty before the first token, whose shape tells the sizes.
    storage: Option<[Tensor<4>; 2]>,
    max_length: usize,
}

#[derive(Debug)]
pub(super) struct LayerCache {
    pub(super) own: SelfKeyValues,
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

impl SelfKeyValues {
    pub(super) fn new(max_length: usize) -> Self {
        Self {
            storage: None,
            max_length,
        }
    }

    /// Keys and values of all positions, allocated at the first call. Taken out, so that nobody else holds them while they are
    /// written to: the caller puts them back.
    fn take(&mut self, [rows, heads, d_kv]: [usize; 3], device: &Device) -> [Tensor<4>; 2] {
        self.storage.take().unwrap_or_else(|| {
            let shape = [rows, heads, self.max_length, d_kv];
            [(); 2].map(|()| Tensor::zeros(shape, device))
        })
    }

    /// Writes one position, `[rows, heads, 1, d_kv]`, and returns everything up to and including it.
    pub(super) fn push(&mut self, token: KeyValues, position: usize) -> KeyValues {
        let [rows, heads, _, d_kv] = token.keys.dims();
        let storage = self.take([rows, heads, d_kv], &token.keys.device());
        let [keys, values] = append(storage, [token.keys, token.values], position);
        self.storage = Some([keys.clone(), values.clone()]);
        KeyValues {
            keys,
            values,
            length: position + 1,
        }
    }

    /// Whether [`SelfKeyValues::attend`] takes heads of that width.
    pub(super) fn attends(&self, d_kv: usize) -> bool {
        attends_in_steps(d_kv, self.max_length, Plan::of_adapter())
    }

    /// The same for queries, keys and values of one token in each row, `[3, rows, heads · d_kv]`, and what the queries find in
    /// everything up to and including it: `[rows, 1, heads · d_kv]`.
    pub(super) fn attend(
        &mut self,
        token: Tensor<3>,
        d_kv: usize,
        position: usize,
        bias: &Tensor<4>,
        scale: f64,
    ) -> Tensor<3> {
        let [_, rows, inner] = token.dims();
        let storage = self.take([rows, inner / d_kv, d_kv], &token.device());
        let plan = Plan::of_adapter();
        let y = attend_step(&token, storage.each_ref(), position, bias, scale, plan);
        self.storage = Some(storage);
        y
    }

    fn select_rows(&mut self, rows: &Tensor<1, Int>) {
        let storage = self.storage.take();
        self.storage = storage.map(|both| both.map(|x| x.select(0, rows.clone())));
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
