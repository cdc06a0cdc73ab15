//! Scenes of coloured shapes, questions about them and a tokenizer for these questions: the task of `pali3-tiny`.
//!
//! Every scene is addressed by (split, seed, index), so that a run can be continued at any step
//! without storing the state of a random generator, and so that anybody can draw the same pictures.

mod draw;
mod labels;
mod question;
mod scene;
mod split;
pub mod tokenizer;
mod words;

pub use labels::PATCH_CLASSES;
pub use question::{Asked, Question, QuestionType};
pub use scene::{Background, MAX_OBJECTS, Object, Scene};
pub use split::{Split, scene_rng};
pub use words::{Colour, HELD_OUT_PAIRS, Shape, is_held_out};

/// Pixels to a side of the pictures that people look at, and that evaluations scale down.
pub const PICTURE_SIZE: usize = 256;

#[cfg(test)]
mod tests;
