//! The layers that both towers are built from.

mod attention;
mod cache;
mod embedding;
mod init;
mod linear;
mod norm;
mod trace;
mod weight;

pub(crate) use attention::{
    KeyValues, MASKED, ScoreBias, attend_merged, mean_weights, split_heads, too_many_scores,
    weights_of_heads,
};
pub(crate) use cache::KeyValueCache;
pub use embedding::Embedding;
pub(crate) use embedding::Table;
pub(crate) use init::{ones, random, zeros};
pub use linear::Linear;
pub(crate) use linear::linear;
pub use norm::{LayerNorm, RmsNorm};
pub use trace::{Trace, Traced};
pub use weight::{Place, QuantizedWeight, Weight};

pub use crate::compute::Activation;
pub(crate) use crate::compute::MANY_ROWS;
pub(crate) use crate::compute::dense::matmul;
