//! SigLIP's tensor names, which are the paths through the models' fields.

use crate::checkpoint::TensorNames;
use crate::formats::Part;

/// Of a checkpoint of both towers.
pub const NAMES: TensorNames = TensorNames {
    published: str::to_string,
    canonical,
    head: None,
    part: |name| match name.starts_with("vision_model.") {
        true => Part::Vision,
        false => Part::Text,
    },
};

/// Of a vision tower alone, or out of a checkpoint of both.
pub const VISION_NAMES: TensorNames = TensorNames {
    published: str::to_string,
    canonical: canonical_vision,
    head: None,
    part: |_| Part::Vision,
};

fn canonical(name: &str) -> Option<String> {
    let constant = ["vision_model.", "text_model."]
        .iter()
        .filter_map(|tower| name.strip_prefix(tower))
        .any(is_constant);
    (!constant).then(|| name.to_string())
}

fn canonical_vision(name: &str) -> Option<String> {
    if name.starts_with("text_model.") || name == "logit_scale" || name == "logit_bias" {
        return None; // the other tower
    }
    tower(name)
}

/// The name inside a tower, which transformers 4 calls `vision_model.`, some models `vision_tower.`, and transformers 5 nothing;
/// `None` for what no tower uses.
pub(in crate::models) fn tower(name: &str) -> Option<String> {
    let name = ["vision_tower.", "vision_model."]
        .iter()
        .fold(name, |name, prefix| {
            name.strip_prefix(prefix).unwrap_or(name)
        });
    (!is_constant(name)).then(|| name.to_string())
}

/// Whether it is the table 0, 1, 2, … that early transformers stored.
fn is_constant(name: &str) -> bool {
    name == "embeddings.position_ids"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dialects_are_understood() {
        let name = "post_layernorm.weight";
        for prefix in [
            "",
            "vision_model.",
            "vision_tower.",
            "vision_tower.vision_model.",
        ] {
            let found = (VISION_NAMES.canonical)(&format!("{prefix}{name}"));
            assert_eq!(found.as_deref(), Some(name));
        }
        for name in [
            "logit_scale",
            "text_model.head.bias",
            "vision_model.head.probe",
        ] {
            assert_eq!((NAMES.canonical)(name).as_deref(), Some(name));
        }
        let constant = "text_model.embeddings.position_ids";
        assert_eq!((NAMES.canonical)(constant), None);
    }
}
