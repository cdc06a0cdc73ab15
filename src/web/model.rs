//! A loaded model, as JavaScript holds it.

use super::generation::Generation;
use super::gpu::{Gpu, watched};
use super::image::Image;
use super::values::{numbers, object, to_js};
use crate::error::{Error, Result};
use crate::generation::Overrides;
use crate::image::RgbImage;
use crate::models::Capability;
use crate::session::{CrossAttention, EncodedImage, SELF_TEST, ScoredText, SelfTest, Session};
use js_sys::{Array, Float32Array, Function};
use wasm_bindgen::prelude::*;

/// `Pali3` on the inside: a model of any family. What a family does not do is an error that says which do.
#[wasm_bindgen]
pub struct Model {
    session: Session,
    gpu: Option<Gpu>,
}

#[wasm_bindgen]
impl Model {
    /// `"webgpu"` or `"cpu"`.
    #[wasm_bindgen(getter)]
    pub fn device(&self) -> String {
        match self.gpu {
            Some(_) => "webgpu".to_string(),
            None => "cpu".to_string(),
        }
    }

    /// What is known of the model, in JSON: `ModelInfo` of the package.
    #[wasm_bindgen(getter)]
    pub fn info(&self) -> String {
        info(&self.session).to_string()
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
            self.session.encode_image(&picture).await
        };
        self.image(work).await
    }

    /// The picture that `Image.toBytes` gave the bytes of.
    #[wasm_bindgen(js_name = imageFromBytes)]
    pub async fn image_from_bytes(&self, bytes: Vec<u8>) -> std::result::Result<Image, JsValue> {
        self.image(self.session.image_from_bytes(&bytes)).await
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
        let work = self.session.score(&images, &prompt, &targets);
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
        let work = self.session.attention(&images, &prompt, &token_ids);
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
        let work = self.session.warm_up(&mut report);
        watched(self.gpu.as_ref(), work).await.map_err(to_js)
    }

    /// Computes what the folder's `self_test.json` holds, here: `{ok, checks: [{name, largestError, tolerance, ok}]}` in
    /// JSON. An error that is not a number is `null`, and not ok.
    #[wasm_bindgen(js_name = selfTest)]
    pub async fn self_test(&self, expected: String) -> std::result::Result<String, JsValue> {
        let work = async {
            let test = SelfTest::from_json(SELF_TEST, expected.as_bytes())?;
            self.session.self_test(&test).await
        };
        let report = watched(self.gpu.as_ref(), work).await.map_err(to_js)?;
        Ok(serde_json::json!(report).to_string())
    }

    /// The embedding of a picture from its RGBA bytes, as [`Model::encode_image`] takes them. Its Euclidean length is 1.
    #[wasm_bindgen(js_name = embedImage)]
    pub async fn embed_image(
        &self,
        rgba: Vec<u8>,
        width: usize,
        height: usize,
    ) -> std::result::Result<Float32Array, JsValue> {
        let work = async {
            let picture = RgbImage::from_rgba(width, height, &rgba)?;
            drop(rgba);
            self.session.embed_images(&[picture]).await
        };
        let embeddings = watched(self.gpu.as_ref(), work).await.map_err(to_js)?;
        Ok(Float32Array::from(&embeddings.concat()[..]))
    }

    /// The embedding of each text, in their order: an array of `Float32Array`.
    #[wasm_bindgen(js_name = embedTexts)]
    pub async fn embed_texts(&self, texts: Vec<String>) -> std::result::Result<Array, JsValue> {
        let work = self.session.embed_texts(&texts);
        let embeddings = watched(self.gpu.as_ref(), work).await.map_err(to_js)?;
        let arrays = embeddings
            .iter()
            .map(|values| Float32Array::from(&values[..]));
        Ok(arrays.collect())
    }

    /// Bytes held, in JSON: `Memory` of the package.
    pub fn memory(&self) -> String {
        let device = self
            .gpu
            .as_ref()
            .and_then(|gpu| gpu.device().memory_pool_usage());
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
        let Self { session, gpu } = self;
        drop(session);
        if let Some(gpu) = gpu {
            gpu.device().memory_cleanup();
        }
    }
}

impl Model {
    pub(super) fn new(session: Session, gpu: Option<Gpu>) -> Self {
        Self { session, gpu }
    }

    fn start(&self, images: &[EncodedImage], prompt: &str, options: &str) -> Result<Generation> {
        let defaults = self.session.generation_options()?;
        let options =
            serde_json::from_str(options).map_err(|error| Error::option("options", error))?;
        let overrides = Overrides::from_value(options)?;
        let options = defaults.with(&overrides)?;
        let answer = self.session.generate(images, prompt, &options)?;
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

fn info(session: &Session) -> serde_json::Value {
    let (config, dtypes) = (session.config(), session.dtypes());
    let embeds = session.can(Capability::EmbedImages) && session.can(Capability::EmbedTexts);
    let mut info = serde_json::json!({
        "kind": config.family().name,
        "parameters": session.num_params(),
        "vocabularySize": config.vocab_size(),
        "embeddings": embeds,
    });
    match config.vision() {
        Some(vision) => {
            info["dtypes"] = serde_json::json!(dtypes);
            info["imageSize"] = serde_json::json!([vision.image_size, vision.image_size]);
            info["visualTokens"] = serde_json::json!(vision.grid[0] * vision.grid[1]);
            info["patchGrid"] = serde_json::json!(vision.grid);
        }
        None => info["dtypes"] = serde_json::json!({ "language_model": dtypes.text }),
    }
    if let Ok(similarity) = session.similarity() {
        info["embeddingSize"] = similarity.embedding_size.into();
        info["logitScale"] = similarity.logit_scale.into();
        info["logitBias"] = similarity.logit_bias.into();
    }
    info
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
