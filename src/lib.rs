//! PaLI-3: a picture and a question in, text out, natively and in the browser. And its halves alone: T5's family, which answers
//! without pictures, and SigLIP's two towers.
#![warn(missing_docs)]

pub mod checkpoint;
#[cfg(feature = "cli")]
pub mod cli;
pub mod compute;
pub mod error;
#[cfg(any(feature = "cli", feature = "train"))]
mod files;
pub mod formats;
pub mod generation;
pub mod image;
#[cfg(any(feature = "cli", feature = "train"))]
mod model_folder;
pub mod models;
pub mod nn;
#[cfg(any(feature = "cli", feature = "train"))]
pub mod scenes;
pub mod session;
mod spelling;
#[cfg(feature = "testing")]
#[doc(hidden)]
pub mod testing;
pub mod tokenizer;
#[cfg(feature = "train")]
pub mod train;
#[cfg(target_arch = "wasm32")]
mod web;

pub use error::{Error, Result};
