//! Training `pali3-tiny` from nothing on questions about drawn scenes: batches, losses, the optimizer, checkpoints and the
//! finished folder.

mod adamw;
mod batch;
mod checkpoint;
mod curve;
mod evaluate;
mod export;
mod network;
mod recipe;
mod schedule;
pub mod spans;
mod trainer;

#[cfg(test)]
mod tests;

pub use curve::{Curve, Point};
pub use evaluate::{Accuracy, Tally};
pub use export::{accuracy_table, write_model_folder};
pub use recipe::Recipe;
pub use schedule::Schedule;
pub use trainer::{Event, Trainer};
