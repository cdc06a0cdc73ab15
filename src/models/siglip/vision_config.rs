//! `vision_config`: SigLIP's keys, SigLIP's defaults (published files hold only what differs).

use crate::error::Result;
use crate::formats::json::Checker;
use crate::image::MAX_EDGE;
use crate::models::VisionInput;
use crate::nn::Activation;
use serde::{Deserialize, Serialize};

/// Activation of the SigLIP feed-forward layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum HiddenAct {
    /// Tanh approximation of GELU; every published SigLIP checkpoint.
    #[serde(rename = "gelu_pytorch_tanh")]
    GeluTanh,
    /// Exact (erf) GELU.
    #[serde(rename = "gelu")]
    Gelu,
    /// `x * sigmoid(1.702 x)`, in some early conversions.
    #[serde(rename = "quick_gelu")]
    QuickGelu,
}

impl From<HiddenAct> for Activation {
    fn from(act: HiddenAct) -> Self {
        match act {
            HiddenAct::Gelu => Activation::Gelu,
            HiddenAct::GeluTanh => Activation::GeluTanh,
            HiddenAct::QuickGelu => Activation::QuickGelu,
        }
    }
}

/// Shape of a SigLIP vision tower.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SiglipVisionConfig {
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Width inside the feed-forward layer.
    pub intermediate_size: usize,
    /// Number of blocks.
    pub num_hidden_layers: usize,
    /// Attention heads; the head width is `hidden_size / num_attention_heads`.
    pub num_attention_heads: usize,
    /// Colour channels.
    pub num_channels: usize,
    /// Side in pixels of the square picture that the position table was trained for.
    pub image_size: usize,
    /// Side of a patch in pixels.
    pub patch_size: usize,
    /// Activation of the feed-forward layer.
    pub hidden_act: HiddenAct,
    /// Epsilon of every layer norm.
    pub layer_norm_eps: f64,
    /// Whether the attention-pooling (MAP) head is part of the tower.
    pub vision_use_head: bool,
}

impl Default for SiglipVisionConfig {
    fn default() -> Self {
        Self {
            hidden_size: 768,
            intermediate_size: 3072,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            num_channels: 3,
            image_size: 224,
            patch_size: 16,
            hidden_act: HiddenAct::GeluTanh,
            layer_norm_eps: 1e-6,
            vision_use_head: true,
        }
    }
}

impl SiglipVisionConfig {
    /// Patches along one side of the trained position table.
    pub fn grid(&self) -> usize {
        self.image_size / self.patch_size
    }

    /// Entries of the trained position table.
    pub fn num_positions(&self) -> usize {
        self.grid() * self.grid()
    }

    /// Pictures, as the tower takes them.
    pub fn input(&self) -> VisionInput {
        VisionInput {
            image_size: self.image_size,
            patch_size: self.patch_size,
            grid: [self.grid(); 2],
            hidden_size: self.hidden_size,
        }
    }

    /// Width of one attention head.
    pub fn head_dim(&self) -> usize {
        self.hidden_size / self.num_attention_heads
    }

    /// # Errors
    /// [`crate::Error::UnsupportedModel`] for a size that no tower can have.
    pub fn validate(&self, file: &str, prefix: &str) -> Result<()> {
        let check = Checker::new(file, prefix);
        let Self {
            hidden_size,
            num_attention_heads,
            image_size,
            patch_size,
            num_channels,
            ..
        } = *self;
        check.sizes([
            ("hidden_size", hidden_size),
            ("intermediate_size", self.intermediate_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_attention_heads", num_attention_heads),
            ("image_size", image_size),
            ("patch_size", patch_size),
        ])?;
        check.require(num_channels == 3, "num_channels", 3, num_channels)?;
        // Products of sides then fit the 32 bits of a browser's `usize`.
        let expected = format!("at most {MAX_EDGE}");
        check.require(image_size <= MAX_EDGE, "image_size", expected, image_size)?;
        let expected = format!("at most image_size ({image_size})");
        check.require(patch_size <= image_size, "patch_size", expected, patch_size)?;
        let heads = ("num_attention_heads", num_attention_heads);
        check.heads(heads, ("hidden_size", hidden_size))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_of_positions_wraps_around() {
        let tower = |image_size| SiglipVisionConfig {
            image_size,
            patch_size: 1,
            ..Default::default()
        };
        assert!(tower(MAX_EDGE).validate("config.json", "").is_ok());
        assert!(u32::try_from(3 * tower(MAX_EDGE).num_positions()).is_ok());
        for too_large in [MAX_EDGE + 1, 65_536, usize::MAX] {
            let error = tower(too_large).validate("config.json", "").unwrap_err();
            let message = format!("config.json: image_size is {too_large}, expected at most 16384");
            assert_eq!(error.to_string(), message);
        }
    }
}
