//! Every named size in one table.
//!
//! Vision sizes: big_vision `models/vit.py`; text sizes: T5 1.1's published configurations. PaLI-3's own 3B UL2 was
//! never described; T5 1.1 XL is the only 3B shape of the family.

use super::pali3::Pali3Config;
use super::siglip::SiglipVisionConfig;
use super::t5::{FeedForwardProj, T5Config};

/// A named size: a vision tower, a text model or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preset {
    /// Name on the command line.
    pub name: &'static str,
    /// Vision tower, if it has one.
    pub vision: Option<VisionSize>,
    /// Encoder-decoder, if it has one.
    pub text: Option<TextSize>,
}

/// `[hidden, mlp, layers, heads, image, patch]` of a vision tower.
pub type VisionSize = [usize; 6];
/// `[vocab, d_model, d_ff, d_kv, heads, encoder layers, decoder layers]` of a T5 1.1 model.
pub type TextSize = [usize; 7];

const SO400M14: VisionSize = [1152, 4304, 27, 16, 224, 14];
const BASE16: VisionSize = [768, 3072, 12, 12, 224, 16];
const G14: VisionSize = [1664, 8192, 48, 16, 224, 14];
const XL: TextSize = [32128, 2048, 5120, 64, 32, 24, 24];

/// All of them.
#[rustfmt::skip]
pub const PRESETS: &[Preset] = &[
    Preset { name: "pali3-tiny", vision: Some([128, 512, 4, 4, 64, 8]), text: Some([128, 64, 128, 16, 4, 2, 2]) },
    Preset { name: "base16", vision: Some(BASE16), text: None },
    Preset { name: "so400m14", vision: Some(SO400M14), text: None },
    Preset { name: "g14", vision: Some(G14), text: None },
    Preset { name: "t5-1.1-small", vision: None, text: Some([32128, 512, 1024, 64, 6, 8, 8]) },
    Preset { name: "t5-1.1-base", vision: None, text: Some([32128, 768, 2048, 64, 12, 12, 12]) },
    Preset { name: "t5-1.1-large", vision: None, text: Some([32128, 1024, 2816, 64, 16, 24, 24]) },
    Preset { name: "t5-1.1-xl", vision: None, text: Some(XL) },
    Preset { name: "pali3-5b", vision: Some(G14), text: Some(XL) },
];

/// Finds a preset by name.
pub fn preset(name: &str) -> Option<Preset> {
    PRESETS.iter().copied().find(|preset| preset.name == name)
}

impl Preset {
    /// The tower without its pooling head, as PaLI-3 uses it.
    pub fn vision_config(&self) -> Option<SiglipVisionConfig> {
        let [
            hidden_size,
            intermediate_size,
            layers,
            heads,
            image_size,
            patch_size,
        ] = self.vision?;
        Some(SiglipVisionConfig {
            hidden_size,
            intermediate_size,
            num_hidden_layers: layers,
            num_attention_heads: heads,
            image_size,
            patch_size,
            vision_use_head: false,
            ..Default::default()
        })
    }

    /// T5 1.1: gated GELU, untied head.
    pub fn text_config(&self) -> Option<T5Config> {
        let [vocab_size, d_model, d_ff, d_kv, num_heads, encoder, decoder] = self.text?;
        Some(T5Config {
            vocab_size,
            d_model,
            d_ff,
            d_kv,
            num_heads,
            num_layers: encoder,
            num_decoder_layers: Some(decoder),
            feed_forward_proj: FeedForwardProj::GatedGelu,
            tie_word_embeddings: Some(false),
            // Written into the folders that are made from this: transformers does not generate without it.
            decoder_start_token_id: Some(0),
            ..Default::default()
        })
    }

    /// Both halves, for the presets that have them.
    pub fn pali3_config(&self) -> Option<Pali3Config> {
        Some(Pali3Config::new(self.vision_config()?, self.text_config()?))
    }
}
