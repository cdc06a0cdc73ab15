//! `vision_config`: SigLIP's keys, SigLIP's defaults (published files hold only what differs).

use super::require;
use crate::compute::Activation;
use crate::error::Result;
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

    /// Width of one attention head.
    pub fn head_dim(&self) -> usize {
        self.hidden_size / self.num_attention_heads
    }

    /// # Errors
    /// [`crate::Error::UnsupportedModel`] for a size that no tower can have.
    pub fn validate(&self, file: &str, prefix: &str) -> Result<()> {
        let key = |name: &str| format!("{prefix}{name}");
        for (name, value) in [
            ("hidden_size", self.hidden_size),
            ("intermediate_size", self.intermediate_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_attention_heads", self.num_attention_heads),
            ("image_size", self.image_size),
            ("patch_size", self.patch_size),
        ] {
            require(value > 0, file, &key(name), "a number above 0", value)?;
        }
        require(
            self.num_channels == 3,
            file,
            &key("num_channels"),
            3,
            self.num_channels,
        )?;
        require(
            self.patch_size <= self.image_size,
            file,
            &key("patch_size"),
            format!("at most image_size ({})", self.image_size),
            self.patch_size,
        )?;
        require(
            self.hidden_size.is_multiple_of(self.num_attention_heads),
            file,
            &key("num_attention_heads"),
            format!("a divisor of hidden_size ({})", self.hidden_size),
            self.num_attention_heads,
        )
    }
}
