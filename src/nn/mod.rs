//! The layers that both towers are built from.

mod activation;
mod attention;
mod embedding;
mod init;
mod linear;
mod norm;
mod trace;
mod weight;

pub use activation::Activation;
pub(crate) use attention::{
    KeyValues, MASKED, ScoreBias, attend_merged, mean_weights, split_heads, too_many_scores,
    weights_of_heads,
};
pub use embedding::Embedding;
pub(crate) use embedding::Table;
pub(crate) use init::{ones, random, zeros};
pub use linear::Linear;
pub(crate) use linear::linear;
pub use norm::{LayerNorm, RmsNorm};
pub use trace::{Trace, Traced};
pub use weight::{Place, QuantizedWeight, Storage, Weight};
