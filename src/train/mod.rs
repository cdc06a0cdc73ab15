//! Training `pali3-tiny` from nothing: scenes, batches, losses, the optimizer, checkpoints and the finished folder.

mod adamw;
mod batch;
mod checkpoint;
#[cfg(feature = "cli")]
pub mod cli;

mod curve;
mod evaluate;
#[cfg(feature = "cli")]
mod export;

mod network;
mod recipe;
#[cfg(feature = "cli")]
mod samples;

pub mod scenes;
mod schedule;
pub mod tokenizer;
mod trainer;

#[cfg(test)]
mod tests;

pub use curve::{Curve, Point};
pub use evaluate::{Accuracy, Tally};
#[cfg(feature = "cli")]
pub(crate) use export::json_files;
pub use recipe::Recipe;
pub use schedule::Schedule;
pub use trainer::{Event, Trainer};
