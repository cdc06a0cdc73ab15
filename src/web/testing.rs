//! The parity tests' bodies for the browser: `tests/browser/parity.test.mjs` runs them.

use super::gpu::{Gpu, watched};
use super::values::{to_js, words};
#[cfg(feature = "cpu")]
use crate::compute::device;
use crate::compute::device::DeviceKind;
use crate::error::{Error, Result};
use crate::testing::{Check, Read, kernels, models, preprocessing};
use js_sys::{Array, Function, Uint8Array};
use wasm_bindgen::prelude::*;

/// What needs no device: pictures and text.
const PREPROCESSING: &[&str] = &["alpha", "resizing", "pixel_values", "tokenization"];

/// Kernels against their twins on the processor.
const KERNELS: &str = "kernels";

/// The names that [`run_parity`] takes: `[models, what else runs on every device, what needs none]`.
#[wasm_bindgen(js_name = parityCases)]
pub fn parity_cases() -> Array {
    let list = |names: &[&str]| {
        names
            .iter()
            .map(|&name| JsValue::from_str(name))
            .collect::<Array>()
    };
    Array::of3(
        &list(models::CASES),
        &list(&[KERNELS]),
        &list(PREPROCESSING),
    )
}

/// Every kernel of the GPU, `[name, source in WGSL]`.
#[cfg(feature = "webgpu")]
#[wasm_bindgen(js_name = kernelSources)]
pub fn kernel_sources() -> Array {
    let texts = |(name, source): (String, String)| {
        Array::of2(&JsValue::from_str(&name), &JsValue::from_str(&source))
    };
    crate::compute::gpu::sources()
        .into_iter()
        .map(texts)
        .collect()
}

/// Runs one case and returns its checks in JSON. `read` gives a fixture file's bytes by its path, or `null`.
#[wasm_bindgen(js_name = runParity)]
pub async fn run_parity(
    case: String,
    device: String,
    read: Function,
) -> std::result::Result<String, JsValue> {
    let checks = run(&case, &device, &read).await.map_err(to_js)?;
    serde_json::to_string(&checks).map_err(|error| JsValue::from_str(&error.to_string()))
}

async fn run(case: &str, device: &str, read: &Function) -> Result<Vec<Check>> {
    let read = |file: &str| read_file(read, file);
    if PREPROCESSING.contains(&case) {
        let read = |file: &str| read(&format!("preprocessing/{file}"));
        return preprocess(case, &read);
    }
    let gpu = match device {
        "webgpu" => Some(Gpu::get(false).await?),
        _ => None,
    };
    let (device, kind) = match &gpu {
        Some(gpu) => (gpu.device(), DeviceKind::Wgpu),
        #[cfg(feature = "cpu")]
        None => (device::cpu(), DeviceKind::Cpu),
        #[cfg(not(feature = "cpu"))]
        None => return Err(Error::option("device", "this module is WebGPU's alone")),
    };
    let work = async {
        match case {
            KERNELS => kernels::run(&device).await,
            _ => models::run(case, &read, &device, kind).await,
        }
    };
    watched(gpu.as_ref(), work).await
}

fn preprocess(case: &str, read: Read) -> Result<Vec<Check>> {
    match case {
        "alpha" => preprocessing::alpha(read),
        "resizing" => preprocessing::resizing(read),
        "pixel_values" => preprocessing::pixel_values(read),
        _ => preprocessing::tokenization(read),
    }
}

fn read_file(read: &Function, file: &str) -> Result<Vec<u8>> {
    let value = read
        .call1(&JsValue::NULL, &JsValue::from_str(file))
        .map_err(|thrown| Error::input(file, words(&thrown)))?;
    match value.dyn_into::<Uint8Array>() {
        Ok(bytes) => Ok(bytes.to_vec()),
        Err(_) => Err(Error::NotFound {
            file: file.to_string(),
        }),
    }
}

/// Gives way to the event loop once, so that what follows runs in a future of its own turn.
async fn turn() {
    let resolved = js_sys::Promise::resolve(&JsValue::NULL);
    let _ = wasm_bindgen_futures::JsFuture::from(resolved).await;
}

/// Panics in the middle of a future, as a defect would.
#[wasm_bindgen(js_name = provokePanic)]
pub async fn provoke_panic() {
    turn().await;
    panic!("provoked");
}

/// Traps in the middle of a future without a panic, as memory that runs out does.
#[wasm_bindgen(js_name = provokeTrap)]
pub async fn provoke_trap() {
    turn().await;
    core::arch::wasm32::unreachable();
}
