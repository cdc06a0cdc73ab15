//! T5's tensor names.
//!
//! | field path | name in checkpoints |
//! |---|---|
//! | `encoder.block.N.self_attention.attention.*` | `encoder.block.N.layer.0.SelfAttention.*` |
//! | `decoder.block.N.cross_attention.attention.*` | `decoder.block.N.layer.1.EncDecAttention.*` |
//! | `…block.N.feed_forward.dense.*` | `…block.N.layer.1 (encoder) or 2 (decoder).DenseReluDense.*` |
//! | `…block.N.<sub-layer>.layer_norm.*` | `…block.N.layer.M.layer_norm.*` |
//! | `…coder.position_bias.*` | `…coder.block.0.layer.0.SelfAttention.*` |
//!
//! All other names are the same on both sides.

use crate::checkpoint::TensorNames;
use crate::formats::Part;

/// Of a T5-family model alone.
pub const NAMES: TensorNames = TensorNames {
    published,
    canonical: |name| canonical(name.strip_prefix("language_model.").unwrap_or(name)),
    head: Some("lm_head.weight"),
    part: |_| Part::Text,
};

/// The published name of a path through the model's fields.
pub(in crate::models) fn published(path: &str) -> String {
    let feed_forward = if path.starts_with("encoder.") { 1 } else { 2 };
    path.replace(".position_bias.", ".block.0.layer.0.SelfAttention.")
        .replace(".self_attention.attention.", ".layer.0.SelfAttention.")
        .replace(".self_attention.layer_norm.", ".layer.0.layer_norm.")
        .replace(".cross_attention.attention.", ".layer.1.EncDecAttention.")
        .replace(".cross_attention.layer_norm.", ".layer.1.layer_norm.")
        .replace(
            ".feed_forward.dense.",
            &format!(".layer.{feed_forward}.DenseReluDense."),
        )
        .replace(
            ".feed_forward.layer_norm.",
            &format!(".layer.{feed_forward}.layer_norm."),
        )
}

/// The published name of what a file calls `name`: `encoder.embed_tokens` counts as `shared`, leftovers of old files as nothing.
pub(in crate::models) fn canonical(name: &str) -> Option<String> {
    match name {
        "encoder.embed_tokens.weight" | "decoder.embed_tokens.weight" => {
            Some("shared.weight".into())
        }
        // Old files carry a bias that cross-attention never had.
        "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight" => None,
        _ => Some(name.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_become_published_names() {
        for (path, name) in [
            (
                "encoder.block.1.feed_forward.dense.wi_0.weight",
                "encoder.block.1.layer.1.DenseReluDense.wi_0.weight",
            ),
            (
                "decoder.block.1.feed_forward.layer_norm.weight",
                "decoder.block.1.layer.2.layer_norm.weight",
            ),
            ("shared.weight", "shared.weight"),
            ("lm_head.weight", "lm_head.weight"),
            (
                "decoder.block.0.cross_attention.attention.q.weight",
                "decoder.block.0.layer.1.EncDecAttention.q.weight",
            ),
        ] {
            assert_eq!((NAMES.published)(path), name);
        }
    }

    #[test]
    fn dialects_are_understood() {
        for name in [
            "shared.weight",
            "language_model.encoder.embed_tokens.weight",
        ] {
            assert_eq!((NAMES.canonical)(name).as_deref(), Some("shared.weight"));
        }
    }
}
