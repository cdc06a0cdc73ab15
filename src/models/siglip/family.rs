//! SigLIP as a family: two towers whose embeddings are compared.

use super::names::NAMES;
use super::{SiglipConfig, SiglipModel};
use crate::checkpoint::{DeviceTensors, Slot, fill, slots};
use crate::error::{Error, Result};
use crate::formats::{PartDtypes, QuantizationConfig};
use crate::image::PixelValues;
use crate::models::{
    Capability, Family, ImageEmbedder, Model, ModelConfig, TextEmbedder, TextEmbedding, VisionInput,
};
use crate::nn::Trace;
use burn::tensor::{Device, Int, Tensor};
use serde_json::Value;

/// SigLIP, and SigLIP 2 of a fixed resolution.
pub static FAMILY: Family = Family {
    name: "siglip",
    model_types: &["siglip"],
    capabilities: &[Capability::EmbedImages, Capability::EmbedTexts],
    names: NAMES,
    parts: &["vision_model", "text_model"],
    read_config: |file, bytes| Ok(Box::new(SiglipConfig::from_json(file, bytes)?)),
};

impl ModelConfig for SiglipConfig {
    fn family(&self) -> &'static Family {
        &FAMILY
    }

    fn model_type(&self) -> &str {
        &self.model_type
    }

    fn vision(&self) -> Option<VisionInput> {
        Some(self.vision_config.input())
    }

    fn vocab_size(&self) -> usize {
        self.text_config.vocab_size
    }

    fn text_embedding(&self) -> Option<TextEmbedding> {
        Some(TextEmbedding {
            size: self.text_config.embedding_size(),
            length: self.text_config.max_position_embeddings,
        })
    }

    fn stacks(&self) -> Vec<(&'static str, usize)> {
        let (vision, text) = (&self.vision_config, &self.text_config);
        vec![
            ("vision_config.num_hidden_layers", vision.num_hidden_layers),
            ("text_config.num_hidden_layers", text.num_hidden_layers),
        ]
    }

    fn quantization(&self) -> Option<&QuantizationConfig> {
        self.quantization_config.as_ref()
    }

    fn build(&self, _stored_head: bool, dtypes: &PartDtypes, device: &Device) -> Box<dyn Model> {
        Box::new(SiglipModel::new(self, dtypes, device))
    }

    fn to_json(&self) -> Result<Value> {
        serde_json::to_value(self).map_err(|error| Error::corrupt("config.json", error))
    }
}

impl Model for SiglipModel {
    fn slots(&self) -> Vec<Slot> {
        slots(&NAMES, self)
    }

    fn fill(self: Box<Self>, tensors: DeviceTensors) -> Box<dyn Model> {
        Box::new(fill(&NAMES, *self, tensors))
    }

    fn image_embedder(&self) -> Option<&dyn ImageEmbedder> {
        Some(self)
    }

    fn text_embedder(&self) -> Option<&dyn TextEmbedder> {
        Some(self)
    }
}

impl ImageEmbedder for SiglipModel {
    fn image_embeds(&self, pixel_values: PixelValues, trace: &Trace) -> Result<Tensor<2>> {
        let pixel_values = self.vision_model.pixel_tensor(pixel_values);
        SiglipModel::image_embeds(self, pixel_values, trace)
            .ok_or_else(|| Error::input("model", "has no pooling head"))
    }
}

impl TextEmbedder for SiglipModel {
    fn text_embeds(&self, input_ids: Tensor<2, Int>, trace: &Trace) -> Tensor<2> {
        SiglipModel::text_embeds(self, input_ids, trace)
    }

    fn logit_scale_bias(&self) -> (Tensor<1>, Tensor<1>) {
        (self.logit_scale.val(), self.logit_bias.val())
    }
}
