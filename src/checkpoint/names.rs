//! Names of parameters: what the model's fields spell, what checkpoints call it, and the dialects among them.
//!
//! | field path | name in checkpoints |
//! |---|---|
//! | `picture.vision_tower.*` | `vision_tower.vision_model.*` |
//! | `picture.multi_modal_projector.*` | `multi_modal_projector.*` |
//! | `encoder.block.N.self_attention.attention.*` | `encoder.block.N.layer.0.SelfAttention.*` |
//! | `decoder.block.N.cross_attention.attention.*` | `decoder.block.N.layer.1.EncDecAttention.*` |
//! | `…block.N.feed_forward.dense.*` | `…block.N.layer.1 (encoder) or 2 (decoder).DenseReluDense.*` |
//! | `…block.N.<sub-layer>.layer_norm.*` | `…block.N.layer.M.layer_norm.*` |
//! | `…coder.position_bias.*` | `…coder.block.0.layer.0.SelfAttention.*` |
//!
//! All other names are the same on both sides. How a matrix is stored on the device ([`crate::nn::Weight`]) is no part of
//! its name: `….weight.Dense` is `….weight`, `….weight.Q4.words` is `….weight` and `….weight.Q4.scales` is `….scales`.

/// What kind of model a set of names belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Tower, projector and language model.
    Pali3,
    /// A SigLIP vision tower alone, or out of a two-tower checkpoint.
    Vision,
    /// A T5-family model alone.
    Text,
    /// SigLIP's two towers.
    Siglip,
}

/// The published name of a parameter, from its path through the model's fields.
pub fn published(kind: Kind, path: &str) -> String {
    let path = &stored(path);
    match kind {
        Kind::Vision | Kind::Siglip => path.to_string(),
        Kind::Text => text(path),
        Kind::Pali3 => {
            let path = path.strip_prefix("picture.").unwrap_or(path);
            if let Some(rest) = path.strip_prefix("vision_tower.") {
                format!("vision_tower.vision_model.{rest}")
            } else if let Some(rest) = path.strip_prefix("language_model.") {
                format!("language_model.{}", text(rest))
            } else {
                path.to_string()
            }
        }
    }
}

/// What a checkpoint calls the language model's output head, where it is a matrix of its own.
pub(super) fn head(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Pali3 => Some("language_model.lm_head.weight"),
        Kind::Text => Some("lm_head.weight"),
        Kind::Vision | Kind::Siglip => None,
    }
}

/// Takes the variants and fields of `Weight` out of a path.
fn stored(path: &str) -> String {
    let path = path.strip_suffix(".Dense").unwrap_or(path);
    for format in ["Q8", "Q4"] {
        let inside = |field: &str| path.strip_suffix(&format!(".weight.{format}.{field}"));
        if let Some(layer) = inside("words") {
            return format!("{layer}.weight");
        }
        if let Some(layer) = inside("scales") {
            return format!("{layer}.scales");
        }
    }
    path.to_string()
}

fn text(path: &str) -> String {
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

/// The published name of a tensor that a file calls `name`; `None` for tensors that no model uses.
///
/// Accepted besides the published form: towers without `vision_model.` (transformers 5) or with more prefixes than
/// needed, `encoder.embed_tokens` for `shared`, and leftovers of old files.
pub fn canonical(kind: Kind, name: &str) -> Option<String> {
    match kind {
        Kind::Vision => {
            if name.starts_with("text_model.") || name == "logit_scale" || name == "logit_bias" {
                return None; // the other tower of a two-tower checkpoint
            }
            vision(strip(name, &["vision_tower.", "vision_model."]))
        }
        Kind::Siglip => {
            let constant = ["vision_model.", "text_model."].iter().any(|tower| {
                name.strip_prefix(tower)
                    .is_some_and(|rest| vision(rest).is_none())
            });
            (!constant).then(|| name.to_string())
        }
        Kind::Text => canonical_text(strip(name, &["language_model."])),
        Kind::Pali3 => {
            if let Some(rest) = name.strip_prefix("vision_tower.") {
                let rest = vision(strip(rest, &["vision_model."]))?;
                Some(format!("vision_tower.vision_model.{rest}"))
            } else if let Some(rest) = name.strip_prefix("language_model.") {
                Some(format!("language_model.{}", canonical_text(rest)?))
            } else {
                Some(name.to_string())
            }
        }
    }
}

/// Drops each prefix that is there, in order.
fn strip<'a>(name: &'a str, prefixes: &[&str]) -> &'a str {
    prefixes.iter().fold(name, |name, prefix| {
        name.strip_prefix(prefix).unwrap_or(name)
    })
}

fn vision(name: &str) -> Option<String> {
    // A constant table 0, 1, 2, … that early transformers stored.
    (name != "embeddings.position_ids").then(|| name.to_string())
}

fn canonical_text(name: &str) -> Option<String> {
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
        let pali3 = |path| published(Kind::Pali3, path);
        assert_eq!(
            pali3("picture.vision_tower.encoder.layers.3.mlp.fc1.weight"),
            "vision_tower.vision_model.encoder.layers.3.mlp.fc1.weight"
        );
        assert_eq!(
            pali3("picture.multi_modal_projector.linear.bias"),
            "multi_modal_projector.linear.bias"
        );
        assert_eq!(
            pali3("language_model.encoder.position_bias.relative_attention_bias.weight"),
            "language_model.encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"
        );
        let text = |path| published(Kind::Text, path);
        assert_eq!(
            text("encoder.block.1.feed_forward.dense.wi_0.weight"),
            "encoder.block.1.layer.1.DenseReluDense.wi_0.weight"
        );
        assert_eq!(
            text("decoder.block.1.feed_forward.layer_norm.weight"),
            "decoder.block.1.layer.2.layer_norm.weight"
        );
        assert_eq!(text("shared.weight.Dense"), "shared.weight");
        assert_eq!(text("lm_head.weight.Q4.words"), "lm_head.weight");
        assert_eq!(text("lm_head.weight.Q8.scales"), "lm_head.scales");
        assert_eq!(
            text("decoder.block.0.cross_attention.attention.q.weight"),
            "decoder.block.0.layer.1.EncDecAttention.q.weight"
        );
    }

    #[test]
    fn dialects_are_understood() {
        let name = "post_layernorm.weight";
        for prefix in [
            "",
            "vision_model.",
            "vision_tower.",
            "vision_tower.vision_model.",
        ] {
            let found = canonical(Kind::Vision, &format!("{prefix}{name}"));
            assert_eq!(found.as_deref(), Some(name));
        }
        assert_eq!(
            canonical(Kind::Pali3, "vision_tower.post_layernorm.weight").as_deref(),
            Some("vision_tower.vision_model.post_layernorm.weight")
        );
        for name in [
            "logit_scale",
            "text_model.head.bias",
            "vision_model.head.probe",
        ] {
            assert_eq!(canonical(Kind::Siglip, name).as_deref(), Some(name));
        }
        let constant = "text_model.embeddings.position_ids";
        assert_eq!(canonical(Kind::Siglip, constant), None);
        let found = canonical(Kind::Pali3, "language_model.encoder.embed_tokens.weight");
        assert_eq!(found.as_deref(), Some("language_model.shared.weight"));
    }
}
