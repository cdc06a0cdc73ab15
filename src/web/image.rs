//! An encoded picture, as JavaScript holds it.

use super::gpu::{Gpu, watched};
use super::values::to_js;
use crate::session::EncodedImage;
use wasm_bindgen::prelude::*;

/// `EncodedImage` on the inside.
#[wasm_bindgen]
pub struct Image {
    image: EncodedImage,
    gpu: Option<Gpu>,
}

impl Image {
    pub(super) fn new(image: EncodedImage, gpu: Option<Gpu>) -> Self {
        Self { image, gpu }
    }

    pub(super) fn into_encoded(self) -> EncodedImage {
        self.image
    }
}

#[wasm_bindgen]
impl Image {
    /// Number of visual tokens.
    #[wasm_bindgen(getter, js_name = visualTokens)]
    pub fn visual_tokens(&self) -> usize {
        self.image.len()
    }

    /// Rows of patches.
    #[wasm_bindgen(getter)]
    pub fn rows(&self) -> usize {
        self.image.grid()[0]
    }

    /// Patches in a row; the visual tokens are theirs, row by row.
    #[wasm_bindgen(getter)]
    pub fn columns(&self) -> usize {
        self.image.grid()[1]
    }

    /// The visual tokens as bytes that `Model.imageFromBytes` takes, also of another session.
    #[wasm_bindgen(js_name = toBytes)]
    pub async fn to_bytes(&self) -> std::result::Result<Vec<u8>, JsValue> {
        watched(self.gpu.as_ref(), self.image.to_bytes())
            .await
            .map_err(to_js)
    }

    /// Another handle to the same picture, for a call that takes its own.
    pub fn share(&self) -> Image {
        Self::new(self.image.clone(), self.gpu.clone())
    }
}
