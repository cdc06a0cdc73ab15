//! A loaded model, as JavaScript holds it.

use super::folder::{FileReader, JsFolder};
use super::generation::Generation;
use super::gpu::{Gpu, watched};
use super::image::Image;
use super::values::{numbers, object, to_js};
use crate::device::{self, DeviceKind};
use crate::error::{Error, Result};
use crate::generation::Overrides;
use crate::image::RgbImage;
use crate::kernels::gpu::adapter_is_software;
use crate::pali3::{
    CrossAttention, EncodedImage, LoadOptions, Pali3, SELF_TEST, ScoredText, SelfTest,
};
use js_sys::{Array, Float32Array, Function};
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
        let grid = config.vision_config.grid();
        serde_json::json!({
            "parameters": self.pali3.num_params(),
            "dtypes": self.pali3.dtypes(),
            "imageSize": [size, size],
            "visualTokens": config.vision_config.num_positions(),
            "patchGrid": [grid, grid],
            "embeddings": false,
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
        self.image(work).await
    }

    /// The picture that `Image.toBytes` gave the bytes of.
    #[wasm_bindgen(js_name = imageFromBytes)]
    pub async fn image_from_bytes(&self, bytes: Vec<u8>) -> std::result::Result<Image, JsValue> {
        self.image(self.pali3.image_from_bytes(&bytes)).await
    }

    /// Starts an answer about pictures in their order, which may be none. `options` is JSON with the names of [`Overrides`].
    pub fn generate(
        &self,
        images: Vec<Image>,
        prompt: String,
        options: String,
    ) -> std::result::Result<Generation, JsValue> {
        self.start(&encoded(images), &prompt, &options)
            .map_err(to_js)
    }

    /// How likely each of the targets is, in their order: `{text, tokenIds, logprobs, score}` each.
    pub async fn score(
        &self,
        images: Vec<Image>,
        prompt: String,
        targets: Vec<String>,
    ) -> std::result::Result<Array, JsValue> {
        let images = encoded(images);
        let work = self.pali3.score(&images, &prompt, &targets);
        let scored = watched(self.gpu.as_ref(), work).await.map_err(to_js)?;
        Ok(scored.iter().map(scored_text).collect())
    }

    /// What each token of an answer looks at: `{tokens, weights, visualTokens, textTokens}`, the weights a `Float32Array` of
    /// a row for each token with a probability for each visual token, picture by picture, and each token of the prompt.
    pub async fn attention(
        &self,
        images: Vec<Image>,
        prompt: String,
        token_ids: Vec<u32>,
    ) -> std::result::Result<JsValue, JsValue> {
        let images = encoded(images);
        let work = self.pali3.attention(&images, &prompt, &token_ids);
        let attention = watched(self.gpu.as_ref(), work).await.map_err(to_js)?;
        Ok(cross_attention(&attention))
    }

    /// Has the device compile what answering needs. `on_step` gets how many of how many stages are done, after each.
    #[wasm_bindgen(js_name = warmUp)]
    pub async fn warm_up(&self, on_step: Function) -> std::result::Result<(), JsValue> {
        let mut report = |done: usize, total: usize| {
            // The package's own callback, which throws nothing.
            let _ = on_step.call2(&JsValue::NULL, &done.into(), &total.into());
        };
        let work = self.pali3.warm_up(&mut report);
        watched(self.gpu.as_ref(), work).await.map_err(to_js)
    }

    /// Computes what the folder's `self_test.json` holds, here: `{ok, checks: [{name, largestError, tolerance, ok}]}` in
    /// JSON. An error that is not a number is `null`, and not ok.
    #[wasm_bindgen(js_name = selfTest)]
    pub async fn self_test(&self, expected: String) -> std::result::Result<String, JsValue> {
        let work = async {
            let test = SelfTest::from_json(SELF_TEST, expected.as_bytes())?;
            self.pali3.self_test(&test).await
        };
        let report = watched(self.gpu.as_ref(), work).await.map_err(to_js)?;
        Ok(serde_json::json!(report).to_string())
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

    /// Whether the device that holds the model is gone, or has refused something: the model has to be loaded again.
    #[wasm_bindgen(getter)]
    pub fn lost(&self) -> bool {
        self.gpu.as_ref().is_some_and(Gpu::faulty)
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
    fn start(&self, images: &[EncodedImage], prompt: &str, options: &str) -> Result<Generation> {
        let options =
            serde_json::from_str(options).map_err(|error| Error::option("options", error))?;
        let overrides = Overrides::from_value(options)?;
        let options = self.pali3.generation_options().with(&overrides)?;
        let answer = self.pali3.generate(images, prompt, &options)?;
        Ok(Generation::new(answer, self.gpu.clone()))
    }

    async fn image(
        &self,
        work: impl Future<Output = Result<EncodedImage>>,
    ) -> std::result::Result<Image, JsValue> {
        let image = watched(self.gpu.as_ref(), work).await.map_err(to_js)?;
        Ok(Image::new(image, self.gpu.clone()))
    }
}

fn encoded(images: Vec<Image>) -> Vec<EncodedImage> {
    images.into_iter().map(Image::into_encoded).collect()
}

fn scored_text(scored: &ScoredText) -> JsValue {
    object([
        ("text", scored.text.as_str().into()),
        ("tokenIds", numbers(&scored.token_ids)),
        ("logprobs", numbers(&scored.logprobs)),
        ("score", scored.score.into()),
    ])
}

fn cross_attention(attention: &CrossAttention) -> JsValue {
    let tokens = attention
        .tokens
        .iter()
        .map(|token| JsValue::from_str(token));
    let counts = attention.visual_tokens.iter().map(|&n| JsValue::from(n));
    object([
        ("tokens", tokens.collect::<Array>().into()),
        ("weights", Float32Array::from(&attention.weights[..]).into()),
        ("visualTokens", counts.collect::<Array>().into()),
        ("textTokens", attention.text_tokens.into()),
    ])
}
