//! safetensors files: a header that says what lies where, and the tensors' bytes behind it.

mod element;
mod header;
#[cfg(not(target_arch = "wasm32"))]
mod write;

pub use element::ElementType;
pub(crate) use header::{TensorInfo, read_header};
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use write::write_file;
#[cfg(not(target_arch = "wasm32"))]
pub use write::{FileWriter, TensorSpec};
