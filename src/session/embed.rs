//! Embeddings of pictures and texts, and how alike they are.

use super::Session;
use crate::compute::device::read;
use crate::error::{Error, Result};
use crate::image::{PixelValues, RgbImage};
use crate::nn::Trace;
use burn::tensor::{Tensor, TensorData};

/// Texts that are embedded at once.
const TEXTS: usize = 16;

impl Session {
    /// The embedding of each picture, of length 1 and of as many numbers as a text's.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for a picture without pixels, or one smaller than a patch where the folder does not resize;
    /// [`Error::UnsupportedModel`] for a model that embeds none; [`Error::NotFinite`] when an embedding is no number;
    /// [`Error::Device`] when the device fails.
    pub async fn embed_images(&self, images: &[RgbImage]) -> Result<Vec<Vec<f32>>> {
        self.image_embedder()?;
        let mut embeddings = Vec::with_capacity(images.len());
        for image in images {
            let pixels = self.preprocess(image)?;
            embeddings.push(self.embed_pixels(pixels).await?);
        }
        Ok(embeddings)
    }

    pub(super) async fn embed_pixels(&self, pixels: PixelValues) -> Result<Vec<f32>> {
        let (_, model) = self.image_embedder()?;
        finite(read(model.image_embeds(pixels, &Trace::off())?).await?)
    }

    /// The embedding of each text, of length 1. Texts are brought into the form that the model was trained on: lower case,
    /// for SigLIP 1 without punctuation, padded to the model's length; what is longer is cut off.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when the tokenizer has no way to write a text; [`Error::UnsupportedModel`] for a model
    /// that embeds none; [`Error::NotFinite`] when an embedding is no number; [`Error::Device`] when the device fails.
    pub async fn embed_texts(&self, texts: &[String]) -> Result<Vec<Vec<f32>>> {
        let (own, model) = self.text_embedder()?;
        let encode = |text: &String| own.tokenizer.encode(text);
        let ids = texts.iter().map(encode).collect::<Result<Vec<_>>>()?;
        let mut embeddings = Vec::with_capacity(texts.len());
        for batch in ids.chunks(TEXTS) {
            let shape = [batch.len(), own.embedding.length];
            let ids: Vec<i32> = batch.iter().flatten().map(|&id| id as i32).collect();
            let ids = Tensor::from_data(TensorData::new(ids, shape), &self.parts.device);
            let values = finite(read(model.text_embeds(ids, &Trace::off())).await?)?;
            let embeds = values.chunks_exact(own.embedding.size);
            embeddings.extend(embeds.map(<[f32]>::to_vec));
        }
        Ok(embeddings)
    }

    /// How embeddings of pictures and texts are compared.
    ///
    /// # Errors
    /// [`Error::UnsupportedModel`] for a model that does not embed both.
    pub fn similarity(&self) -> Result<Similarity> {
        let (texts, _) = self.text_embedder()?;
        Ok(Similarity {
            embedding_size: texts.embedding.size,
            logit_scale: texts.logit_scale,
            logit_bias: texts.logit_bias,
        })
    }
}

/// How embeddings of pictures and texts are compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Similarity {
    /// Numbers of an embedding.
    pub embedding_size: usize,
    /// The logarithm of what a cosine is multiplied by for a score.
    pub logit_scale: f32,
    /// What is added then.
    pub logit_bias: f32,
}

impl Similarity {
    /// The score of a picture's and a text's embedding: what the sigmoid of [`Similarity::probability`] is taken of.
    pub fn logit(&self, image: &[f32], text: &[f32]) -> f32 {
        let cosine: f32 = image.iter().zip(text).map(|(a, b)| a * b).sum();
        cosine * self.logit_scale.exp() + self.logit_bias
    }

    /// How probable it is that a picture and a text belong together. Each pair is judged by itself: the probabilities of
    /// several texts need not add up to 1.
    pub fn probability(&self, image: &[f32], text: &[f32]) -> f32 {
        1.0 / (1.0 + (-self.logit(image, text)).exp())
    }
}

/// Broken weights give no numbers; the device is well.
fn finite(values: Vec<f32>) -> Result<Vec<f32>> {
    match values.iter().all(|value| value.is_finite()) {
        true => Ok(values),
        false => Err(Error::not_finite("an embedding is")),
    }
}
