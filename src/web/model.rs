//! A loaded model and an encoded picture, as JavaScript holds them.

use super::errors::{object, to_js};
use super::folder::{FileReader, JsFolder};
use super::generation::Generation;
use super::gpu::{Gpu, watched};
use crate::device::{self, DeviceKind};
use crate::error::{Error, Result};
use crate::generation::Overrides;
use crate::image::RgbImage;
use crate::kernels::gpu::adapter_is_software;
use crate::pali3::{EncodedImage, LoadOptions, Pali3};
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
    // WebGPU itself tells little about an adapter: JavaScript has looked at its names.
    adapter_is_software(software);
    let gpu = match device {
        "webgpu" => Some(Gpu::get().await?),
        "cpu" => None,
        other => {
            let problem = format!("expected \"webgpu\" or \"cpu\", found {other:?}");
            return Err(Error::option("device", problem));
        }
    };
    let (device, kind) = match &gpu {
        Some(gpu) => (gpu.device.clone(), DeviceKind::Wgpu),
        None => (device::cpu(), DeviceKind::Cpu),
    };
    let mut progress = |progress: crate::weights::Progress| {
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
        largest_buffer: gpu.as_ref().map(|gpu| gpu.largest_buffer),
    };
    let work = Pali3::load(folder, &device, kind, &options, &mut progress);
    let loaded = watched(gpu.as_ref(), work).await;
    // What had come of a model that will not be there is given back now, not at the next one.
    if let (Err(_), Some(gpu)) = (&loaded, &gpu) {
        gpu.device.memory_cleanup();
    }
    Ok(Model {
        pali3: loaded?,
        gpu,
    })
}

/// `Pali3` on the inside.
#[wasm_bindgen]
pub struct Model {
    pali3: Pali3,
    gpu: Option<Gpu>,
}

#[wasm_bindgen]
impl Model {
    /// `"webgpu"` or `"cpu"`.
    #[wasm_bindgen(getter)]
    pub fn device(&self) -> String {
        match self.pali3.device_kind() {
            DeviceKind::Wgpu => "webgpu".to_string(),
            DeviceKind::Cpu => "cpu".to_string(),
        }
    }

    /// What is known of the model, in JSON: `ModelInfo` of the package.
    #[wasm_bindgen(getter)]
    pub fn info(&self) -> String {
        let config = self.pali3.config();
        let size = config.vision_config.image_size;
        serde_json::json!({
            "parameters": self.pali3.num_params(),
            "dtypes": self.pali3.dtypes(),
            "imageSize": [size, size],
            "visualTokens": config.vision_config.num_positions(),
            "vocabularySize": config.text_config.vocab_size,
        })
        .to_string()
    }

    /// Encodes a picture from its RGBA bytes, rows from the top, colour not multiplied by alpha.
    #[wasm_bindgen(js_name = encodeImage)]
    pub async fn encode_image(
        &self,
        rgba: Vec<u8>,
        width: usize,
        height: usize,
    ) -> std::result::Result<Image, JsValue> {
        let work = async {
            let picture = RgbImage::from_rgba(width, height, &rgba)?;
            drop(rgba);
            self.pali3.encode_image(&picture).await
        };
        watched(self.gpu.as_ref(), work)
            .await
            .map(Image)
            .map_err(to_js)
    }

    /// Starts an answer. `options` is JSON with the names of [`Overrides`].
    pub fn generate(
        &self,
        image: Option<Image>,
        prompt: String,
        options: String,
    ) -> std::result::Result<Generation, JsValue> {
        self.start(image, &prompt, &options).map_err(to_js)
    }

    /// Bytes held, in JSON: `Memory` of the package.
    pub fn memory(&self) -> String {
        let device = self
            .gpu
            .as_ref()
            .and_then(|gpu| gpu.device.memory_pool_usage());
        serde_json::json!({
            "wasm": core::arch::wasm32::memory_size(0) * 65_536,
            "device": device.as_ref().map_or(0, |usage| usage.bytes_in_use),
            "deviceReserved": device.as_ref().map_or(0, |usage| usage.bytes_reserved),
        })
        .to_string()
    }

    /// Gives the memory back.
    pub fn dispose(self) {
        let Self { pali3, gpu } = self;
        drop(pali3);
        if let Some(gpu) = gpu {
            gpu.device.memory_cleanup();
        }
    }
}

impl Model {
    fn start(&self, image: Option<Image>, prompt: &str, options: &str) -> Result<Generation> {
        let options =
            serde_json::from_str(options).map_err(|error| Error::option("options", error))?;
        let overrides = Overrides::from_value(options)?;
        let options = self.pali3.generation_options().with(&overrides)?;
        let image = image.as_ref().map(|Image(image)| image);
        let answer = self.pali3.generate(image, prompt, &options)?;
        Ok(Generation::new(answer, self.gpu.clone()))
    }
}

/// `EncodedImage` on the inside.
#[wasm_bindgen]
pub struct Image(EncodedImage);

#[wasm_bindgen]
impl Image {
    /// Number of visual tokens.
    #[wasm_bindgen(getter, js_name = visualTokens)]
    pub fn visual_tokens(&self) -> usize {
        self.0.len()
    }

    /// Another handle to the same picture, for a call that takes its own.
    #[wasm_bindgen(js_name = share)]
    pub fn share(&self) -> Image {
        Image(self.0.clone())
    }
}
