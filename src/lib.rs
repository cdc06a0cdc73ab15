//! PaLI-3: a picture and a question in, text out, natively and in the browser. And its halves alone: T5's family, which answers
//! without pictures, and SigLIP's two towers.
#![warn(missing_docs)]

#[cfg(feature = "cli")]
pub mod cli;
pub mod config;
pub mod device;
pub mod error;
mod exponential;
pub mod generation;
pub mod image;
pub mod kernels;
pub mod load;
pub mod model;
pub mod nn;
pub mod pali3;
pub mod quant;
pub mod siglip;
#[cfg(any(feature = "cli", feature = "testing"))]
#[doc(hidden)]
pub mod testing;
pub mod tokenizer;
#[cfg(feature = "train")]
pub mod train;
#[cfg(target_arch = "wasm32")]
mod web;
pub mod weights;

pub use error::{Error, Result};
