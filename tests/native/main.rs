//! All native tests of the library and the command, in one binary, because linking takes longer than most of them.
//! `cargo test --release --test native api::` runs one module.
//!
//! They share one process. So they share a WebGPU device ([`common::adapter`]), except where kernels are switched, which is done on
//! a device of the test's own; and they share the processor's cores, so that a test of time takes the best of several attempts.

#[cfg(feature = "testing")]
mod api;
#[cfg(feature = "cli")]
mod cli;
#[cfg(feature = "testing")]
mod common;
#[cfg(feature = "testing")]
mod models;
#[cfg(feature = "testing")]
mod options;
#[cfg(feature = "testing")]
mod preprocessing;
#[cfg(feature = "testing")]
mod presets;
#[cfg(all(feature = "testing", feature = "train"))]
mod tiny;
