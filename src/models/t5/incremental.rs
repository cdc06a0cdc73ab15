//! T5's decoder, token by token.

use super::T5Model;
use super::cache::DecoderCache;
use crate::error::Result;
use crate::models::IncrementalDecoder;
use burn::tensor::{Device, Int, Tensor};

/// A decoder with its caches. The model is a handle to the tensors that all its clones share.
pub(super) struct T5Incremental {
    pub(super) model: T5Model,
    pub(super) cache: DecoderCache,
}

impl IncrementalDecoder for T5Incremental {
    fn step(&mut self, ids: Tensor<1, Int>) -> Tensor<2> {
        self.model.decode_step(ids, &mut self.cache)
    }

    fn select_rows(&mut self, rows: &[usize]) -> Result<()> {
        self.cache.select_rows(rows)
    }

    fn rows(&self) -> usize {
        self.cache.rows()
    }

    fn room(&self) -> usize {
        self.cache.room()
    }

    fn device(&self) -> Device {
        self.cache.device()
    }
}
