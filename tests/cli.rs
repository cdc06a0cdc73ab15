//! The real binary on real folders: what it prints, what it writes, and how it refuses bad input.
#![cfg(feature = "cli")]

#[path = "cli/bad_input.rs"]
mod bad_input;
#[path = "cli/commands.rs"]
mod commands;
#[path = "cli/quantize.rs"]
mod quantize;
#[path = "cli/self_test.rs"]
mod self_test;
#[path = "cli/similarity.rs"]
mod similarity;
#[path = "cli/support.rs"]
mod support;
#[path = "cli/t5.rs"]
mod t5;
