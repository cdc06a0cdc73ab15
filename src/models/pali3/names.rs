//! PaLI-3's tensor names.
//!
//! | field path | name in checkpoints |
//! |---|---|
//! | `picture.vision_tower.*` | `vision_tower.vision_model.*` |
//! | `picture.multi_modal_projector.*` | `multi_modal_projector.*` |
//! | `language_model.*` | `language_model.` and T5's name |

use crate::checkpoint::TensorNames;
use crate::formats::Part;
use crate::models::{siglip, t5};

/// Of the whole model.
pub const NAMES: TensorNames = TensorNames {
    published,
    canonical,
    head: Some("language_model.lm_head.weight"),
    part,
};

fn published(path: &str) -> String {
    let path = path.strip_prefix("picture.").unwrap_or(path);
    if let Some(rest) = path.strip_prefix("vision_tower.") {
        format!("vision_tower.vision_model.{rest}")
    } else if let Some(rest) = path.strip_prefix("language_model.") {
        format!("language_model.{}", t5::names::published(rest))
    } else {
        path.to_string()
    }
}

fn canonical(name: &str) -> Option<String> {
    if name.starts_with("vision_tower.") {
        let rest = siglip::names::tower(name)?;
        Some(format!("vision_tower.vision_model.{rest}"))
    } else if let Some(rest) = name.strip_prefix("language_model.") {
        Some(format!("language_model.{}", t5::names::canonical(rest)?))
    } else {
        Some(name.to_string())
    }
}

fn part(name: &str) -> Part {
    if name.starts_with("vision_tower.") {
        Part::Vision
    } else if name.starts_with("multi_modal_projector.") {
        Part::Projector
    } else {
        Part::Text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_become_published_names() {
        for (path, name, of) in [
            (
                "picture.vision_tower.encoder.layers.3.mlp.fc1.weight",
                "vision_tower.vision_model.encoder.layers.3.mlp.fc1.weight",
                Part::Vision,
            ),
            (
                "picture.multi_modal_projector.linear.bias",
                "multi_modal_projector.linear.bias",
                Part::Projector,
            ),
            (
                "language_model.encoder.position_bias.relative_attention_bias.weight",
                "language_model.encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight",
                Part::Text,
            ),
        ] {
            assert_eq!((NAMES.published)(path), name);
            assert_eq!((NAMES.part)(name), of);
        }
    }

    #[test]
    fn dialects_are_understood() {
        for (name, published) in [
            (
                "vision_tower.post_layernorm.weight",
                "vision_tower.vision_model.post_layernorm.weight",
            ),
            (
                "language_model.encoder.embed_tokens.weight",
                "language_model.shared.weight",
            ),
        ] {
            assert_eq!((NAMES.canonical)(name).as_deref(), Some(published));
        }
    }
}
