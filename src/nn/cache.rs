//! Keys and values of the tokens that a decoder has seen.

use super::KeyValues;
use crate::compute::{append, attend_step, supports_attend_step};
use burn::tensor::{Device, Int, Tensor};

/// Self-attention keys and values of one layer, room for every token allocated at the start.
#[derive(Debug)]
pub(crate) struct KeyValueCache {
    /// Keys and values, `[rows, heads, max_length, head_dim]`; empty before the first token, whose shape tells the sizes.
    storage: Option<[Tensor<4>; 2]>,
    max_length: usize,
}

impl KeyValueCache {
    /// Empty, with room for so many tokens.
    pub(crate) fn new(max_length: usize) -> Self {
        Self {
            storage: None,
            max_length,
        }
    }

    /// Keys and values of all positions, allocated at the first call. Taken out, so that nobody else holds them while they are
    /// written to: the caller puts them back.
    fn take(&mut self, [rows, heads, head_dim]: [usize; 3], device: &Device) -> [Tensor<4>; 2] {
        self.storage.take().unwrap_or_else(|| {
            let shape = [rows, heads, self.max_length, head_dim];
            [(); 2].map(|()| Tensor::zeros(shape, device))
        })
    }

    /// Writes one position, `[rows, heads, 1, head_dim]`, and returns everything up to and including it.
    pub(crate) fn push(&mut self, token: KeyValues, position: usize) -> KeyValues {
        let [rows, heads, _, head_dim] = token.keys.dims();
        let storage = self.take([rows, heads, head_dim], &token.keys.device());
        let [keys, values] = append(storage, [token.keys, token.values], position);
        self.storage = Some([keys.clone(), values.clone()]);
        KeyValues {
            keys,
            values,
            length: position + 1,
        }
    }

    /// Whether there is a [`KeyValueCache::attend`] on that device for heads of that width.
    pub(crate) fn supports_attend(&self, device: &Device, head_dim: usize) -> bool {
        supports_attend_step(device, head_dim, self.max_length)
    }

    /// The same for queries, keys and values of one token in each row, `[3, rows, heads · head_dim]`, and what the queries find in
    /// everything up to and including it: `[rows, 1, heads · head_dim]`.
    pub(crate) fn attend(
        &mut self,
        token: Tensor<3>,
        head_dim: usize,
        position: usize,
        bias: &Tensor<4>,
        scale: f64,
    ) -> Tensor<3> {
        let [_, rows, inner] = token.dims();
        let storage = self.take([rows, inner / head_dim, head_dim], &token.device());
        let y = attend_step(&token, storage.each_ref(), position, bias, scale);
        self.storage = Some(storage);
        y
    }

    /// Row `i` becomes what row `rows[i]` was.
    pub(crate) fn select_rows(&mut self, rows: &Tensor<1, Int>) {
        let storage = self.storage.take();
        self.storage = storage.map(|both| both.map(|x| x.select(0, rows.clone())));
    }
}
