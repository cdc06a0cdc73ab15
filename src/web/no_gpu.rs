//! In the place of `gpu.rs` in the module that has only the processor: there never is a GPU.

use crate::error::{Error, Result};
use burn::tensor::Device;

#[derive(Clone)]
pub(super) enum Gpu {}

impl Gpu {
    pub(super) async fn get(_software: bool) -> Result<Self> {
        let problem = "this module is the processor's alone".to_string();
        Err(Error::WebGpuUnavailable { problem })
    }

    pub(super) fn device(&self) -> Device {
        match *self {}
    }

    pub(super) fn faulty(&self) -> bool {
        match *self {}
    }
}

pub(super) async fn watched<T>(
    _: Option<&Gpu>,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    work.await
}
