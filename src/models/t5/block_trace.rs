//! Where a running block is, and what a trace of it is called.

use crate::nn::{Linear, Trace};
use burn::tensor::Tensor;

/// What the two kinds of block have in common while running: where they are and what to call it.
#[derive(Clone, Copy)]
pub(super) struct BlockTrace<'a> {
    pub(super) stack: &'static str,
    pub(super) block: usize,
    pub(super) trace: &'a Trace,
}

impl BlockTrace<'_> {
    /// Adds a sub-layer's output, `last(y)`, to the residual stream.
    pub(super) fn add(&self, x: Tensor<3>, last: &Linear, y: Tensor<3>, layer: &str) -> Tensor<3> {
        let Self {
            stack,
            block,
            trace,
        } = self;
        let name = || format!("{stack}.block.{block}.{layer}");
        last.forward_residual_traced(y, x, trace, name)
    }

    /// Computes and notes what only a trace wants to know, if this one does.
    pub(super) fn extra(&self, name: &str, value: impl FnOnce() -> Tensor<4>) {
        let Self { stack, block, .. } = self;
        let name = || format!("{stack}.block.{block}.{name}");
        if self.trace.asks_for(name) {
            self.trace.record(name, &value());
        }
    }

    pub(super) fn done(&self, x: Tensor<3>) -> Tensor<3> {
        let Self { stack, block, .. } = self;
        self.trace.record(|| format!("{stack}.block.{block}"), &x);
        x
    }
}
