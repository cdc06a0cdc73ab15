//! The real binary on real folders: what it prints, what it writes, and how it refuses bad input.

mod bad_input;
mod commands;
mod quantize;
mod self_test;
mod similarity;
mod support;
mod t5;
