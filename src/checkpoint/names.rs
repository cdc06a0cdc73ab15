//! What a family calls its tensors.

use crate::formats::Part;

/// How a family's checkpoints name their tensors: the one form that is called published here, and the dialects of files.
///
/// A parameter's name starts as its path through the structs, whose fields are named as checkpoints name them: most paths are
/// published names as they stand.
#[derive(Debug, Clone, Copy)]
pub struct TensorNames {
    /// A parameter's path → its published name.
    pub published: fn(&str) -> String,
    /// The name in a file → the published name; `None` for tensors that no model uses.
    pub canonical: fn(&str) -> Option<String>,
    /// Published name of the output head, where a checkpoint may hold it as a matrix of its own.
    pub head: Option<&'static str>,
    /// The part of the model that a tensor of this published name belongs to.
    pub part: fn(&str) -> Part,
}

impl TensorNames {
    /// The published name of a parameter. How a matrix is stored on the device ([`crate::nn::Weight`]) is no part of it:
    /// `….weight.Dense` is `….weight`, `….weight.Q4.words` is `….weight` and `….weight.Q4.scales` is `….scales`.
    pub(super) fn of_parameter(&self, path: &str) -> String {
        (self.published)(&without_storage(path))
    }
}

/// Takes the variants and fields of `Weight` out of a path.
fn without_storage(path: &str) -> String {
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

#[cfg(test)]
mod tests {
    use super::without_storage;

    #[test]
    fn storage_is_no_part_of_a_name() {
        for (path, name) in [
            ("shared.weight.Dense", "shared.weight"),
            ("lm_head.weight.Q4.words", "lm_head.weight"),
            ("lm_head.weight.Q8.scales", "lm_head.scales"),
            ("post_layernorm.weight", "post_layernorm.weight"),
        ] {
            assert_eq!(without_storage(path), name);
        }
    }
}
