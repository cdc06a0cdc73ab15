//! PaLI-3 as a family: pictures in front of prompts, answers out.

use super::names::NAMES;
use super::{Pali3Config, Pali3Model, PictureModel};
use crate::checkpoint::{DeviceTensors, Slot, fill, slots};
use crate::error::{Error, Result};
use crate::formats::{PartDtypes, QuantizationConfig};
use crate::image::PixelValues;
use crate::models::{
    Capability, EncoderDecoder, Family, ImageEncoder, Model, ModelConfig, PromptConfig, VisionInput,
};
use crate::nn::Trace;
use burn::tensor::{Device, Tensor};
use serde_json::Value;

/// PaLI-3.
pub static FAMILY: Family = Family {
    name: "pali3",
    model_types: &["pali3"],
    capabilities: &[Capability::Generate, Capability::SeeImages],
    names: NAMES,
    parts: &["vision_tower", "multi_modal_projector", "language_model"],
    read_config: |file, bytes| Ok(Box::new(Pali3Config::from_json(file, bytes)?)),
};

impl ModelConfig for Pali3Config {
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

    fn prompts(&self) -> Option<PromptConfig> {
        Some(self.text_config.prompts(self.max_prompt_tokens))
    }

    fn stacks(&self) -> Vec<(&'static str, usize)> {
        let (vision, text) = (&self.vision_config, &self.text_config);
        vec![
            ("vision_config.num_hidden_layers", vision.num_hidden_layers),
            ("text_config.num_layers", text.num_layers),
            ("text_config.num_decoder_layers", text.decoder_layers()),
        ]
    }

    fn quantization(&self) -> Option<&QuantizationConfig> {
        self.quantization_config.as_ref()
    }

    fn build(&self, stored_head: bool, dtypes: &PartDtypes, device: &Device) -> Box<dyn Model> {
        let separate_head = self.text_config.separate_head(stored_head);
        Box::new(Pali3Model::new(self, separate_head, dtypes, device))
    }

    fn to_json(&self) -> Result<Value> {
        serde_json::to_value(self).map_err(|error| Error::corrupt("config.json", error))
    }
}

impl Model for Pali3Model {
    fn slots(&self) -> Vec<Slot> {
        slots(&NAMES, self)
    }

    fn fill(self: Box<Self>, tensors: DeviceTensors) -> Box<dyn Model> {
        Box::new(fill(&NAMES, *self, tensors))
    }

    fn image_encoder(&self) -> Option<&dyn ImageEncoder> {
        Some(&self.picture)
    }

    fn encoder_decoder(&self) -> Option<&dyn EncoderDecoder> {
        Some(&self.language_model)
    }
}

impl ImageEncoder for PictureModel {
    fn visual_tokens(&self, pixel_values: PixelValues, trace: &Trace) -> Tensor<3> {
        let pixel_values = self.vision_tower.pixel_tensor(pixel_values);
        PictureModel::visual_tokens(self, pixel_values, trace)
    }

    fn grid(&self, pixel_values: &PixelValues) -> [usize; 2] {
        let patch = self.vision_tower.patch_size();
        [pixel_values.height / patch, pixel_values.width / patch]
    }

    fn project(&self, visual_tokens: Tensor<3>, trace: &Trace) -> Tensor<3> {
        PictureModel::project(self, visual_tokens, trace)
    }

    fn fingerprint(&self) -> Tensor<1> {
        self.vision_tower.last_norm()
    }
}
