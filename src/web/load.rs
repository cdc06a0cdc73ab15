//! From a folder to a model.

use super::folder::{FileReader, JsFolder};
use super::gpu::{Gpu, watched};
use super::model::Model;
use super::values::{object, to_js};
use crate::compute::device::{self, DeviceKind};
use crate::error::{Error, Result};
use crate::session::{Load, LoadOptions, Session};
use js_sys::Function;
use wasm_bindgen::prelude::*;

/// Loads the folder that `reader` reads onto `device` (`"webgpu"` or `"cpu"`), its matrices in the form `dtype`.
/// `software`: whether the WebGPU adapter is a processor.
/// `on_progress` gets `{phase: "upload", file, loaded, total}`, bytes of weights.
#[wasm_bindgen]
pub async fn load(
    reader: FileReader,
    device: String,
    software: bool,
    dtype: String,
    on_progress: Function,
) -> std::result::Result<Model, JsValue> {
    let folder = JsFolder::new(reader);
    let loaded = load_model(&folder, &device, software, dtype, &on_progress).await;
    loaded.map_err(|error| folder.thrown().unwrap_or_else(|| to_js(error)))
}

async fn load_model(
    folder: &JsFolder,
    device: &str,
    software: bool,
    dtype: String,
    on_progress: &Function,
) -> Result<Model> {
    let gpu = match device {
        // WebGPU itself tells little about an adapter: JavaScript has looked at its names.
        "webgpu" => Some(Gpu::get(software).await?),
        "cpu" => None,
        other => {
            let problem = format!("expected \"webgpu\" or \"cpu\", found {other:?}");
            return Err(Error::option("device", problem));
        }
    };
    let (device, kind) = match &gpu {
        Some(gpu) => (gpu.device(), DeviceKind::Wgpu),
        #[cfg(feature = "cpu")]
        None => (device::cpu(), DeviceKind::Cpu),
        #[cfg(not(feature = "cpu"))]
        None => return Err(Error::option("device", "this module is WebGPU's alone")),
    };
    let mut progress = |progress: crate::checkpoint::Progress| {
        let event = object([
            ("phase", "upload".into()),
            ("file", progress.file.into()),
            ("loaded", JsValue::from_f64(progress.loaded as f64)),
            ("total", JsValue::from_f64(progress.total as f64)),
        ]);
        // The package's own callback, which throws nothing.
        let _ = on_progress.call1(&JsValue::NULL, &event);
    };
    let options = LoadOptions {
        dtype: Some(dtype),
        largest_buffer: device::largest_buffer(&device),
    };
    let work = Session::load(Load {
        folder,
        device: &device,
        kind,
        options: &options,
        progress: &mut progress,
    });
    let loaded = watched(gpu.as_ref(), work).await;
    // What had come of a model that will not be there is given back now, not at the next one.
    if let (Err(_), Some(gpu)) = (&loaded, &gpu) {
        gpu.device().memory_cleanup();
    }
    Ok(Model::new(loaded?, gpu))
}
