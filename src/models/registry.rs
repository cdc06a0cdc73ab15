//! The families that there are, and which of them does what.

use super::family::{Capability, Family, ModelConfig, any_of, model_type};
use super::{pali3, siglip, t5};
use crate::error::{Error, Result};

/// One line a family.
pub static FAMILIES: [&Family; 3] = [
    &pali3::FAMILY, //
    &t5::FAMILY,
    &siglip::FAMILY,
];

/// Reads and checks `config.json`, by its `model_type`.
///
/// # Errors
/// [`Error::Corrupt`] when it is not JSON or a key has the wrong type,
/// [`Error::UnsupportedModel`] when it describes a model of no family that there is.
pub fn read_config(file: &str, bytes: &[u8]) -> Result<Box<dyn ModelConfig>> {
    let found = model_type(file, bytes)?;
    let family = FAMILIES
        .iter()
        .find(|family| family.model_types.contains(&found.as_str()));
    match family {
        Some(family) => (family.read_config)(file, bytes),
        None => Err(unsupported(file, any_of(&model_types(|_| true)), &found)),
    }
}

/// That models of this configuration do something. `file` is the configuration's name for the error.
///
/// # Errors
/// [`Error::UnsupportedModel`] where they do not, with the types that do.
pub fn require(config: &dyn ModelConfig, capability: Capability, file: &str) -> Result<()> {
    match config.family().can(capability) {
        true => Ok(()),
        false => Err(cannot(config, capability, file)),
    }
}

/// [`Error::UnsupportedModel`] for what a model does not do, with the types that do it.
pub(crate) fn cannot(config: &dyn ModelConfig, capability: Capability, file: &str) -> Error {
    let answers = config.family().can(Capability::Generate);
    // A model that does not answer at all is told that first.
    let capability = match capability {
        Capability::SeeImages if !answers => Capability::Generate,
        other => other,
    };
    let able = any_of(&model_types(|family| family.can(capability)));
    let expected = match capability {
        Capability::SeeImages => format!("{able}: a language model alone takes no pictures"),
        _ => format!("{able} for this call"),
    };
    unsupported(file, expected, config.model_type())
}

fn model_types(wanted: impl Fn(&Family) -> bool) -> Vec<&'static str> {
    let families = FAMILIES.iter().filter(|family| wanted(family));
    families
        .flat_map(|family| family.model_types)
        .copied()
        .collect()
}

fn unsupported(file: &str, expected: String, found: &str) -> Error {
    Error::UnsupportedModel {
        file: file.into(),
        key: "model_type".into(),
        expected,
        found: found.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::{Dtype, PartDtypes};

    fn read(json: &str) -> Result<Box<dyn ModelConfig>> {
        read_config("config.json", json.as_bytes())
    }

    #[test]
    fn each_type_is_read_as_its_kind() {
        let kinds = ["pali3", "t5", "mt5", "siglip"].map(|model_type| {
            let config = read(&format!("{{\"model_type\": {model_type:?}}}")).unwrap();
            assert_eq!(config.model_type(), model_type);
            config.vision().is_some()
        });
        assert_eq!(kinds, [true, false, false, true]);
        for other in ["umt5", "llava"] {
            let error = read(&format!("{{\"model_type\": {other:?}}}")).unwrap_err();
            assert_eq!(error.code(), "UnsupportedModel");
            assert!(error.to_string().contains(other), "{error}");
            let known = "expected \"pali3\", \"t5\", \"mt5\" or \"siglip\"";
            assert!(error.to_string().contains(known), "{error}");
        }
    }

    #[test]
    fn what_a_family_does_not_do_is_named_with_those_that_do() {
        let read = |model_type: &str| read(&format!("{{\"model_type\": {model_type:?}}}")).unwrap();
        let generates = "\"pali3\", \"t5\" or \"mt5\" for this call";
        for (model_type, capability, expected) in [
            (
                "mt5",
                Capability::SeeImages,
                "\"pali3\": a language model alone takes no pictures",
            ),
            ("mt5", Capability::EmbedTexts, "\"siglip\" for this call"),
            ("siglip", Capability::Generate, generates),
            ("siglip", Capability::SeeImages, generates),
        ] {
            let config = read(model_type);
            let error = require(&*config, capability, "config.json").unwrap_err();
            let message = format!("config.json: model_type is {model_type}, expected {expected}");
            assert_eq!(error.to_string(), message);
        }
    }

    #[test]
    fn families_claim_what_their_models_are() {
        let device = crate::compute::device::for_shapes();
        for family in FAMILIES {
            let model_type = family.model_types[0];
            let config = read(&format!("{{\"model_type\": {model_type:?}}}")).unwrap();
            let model = config.build(false, &PartDtypes::all(Dtype::F32), &device);
            let found = [
                (Capability::Generate, model.encoder_decoder().is_some()),
                (Capability::Generate, config.prompts().is_some()),
                (Capability::SeeImages, model.image_encoder().is_some()),
                (Capability::EmbedImages, model.image_embedder().is_some()),
                (Capability::EmbedTexts, model.text_embedder().is_some()),
                (Capability::EmbedTexts, config.text_embedding().is_some()),
            ];
            for (capability, is) in found {
                assert_eq!(family.can(capability), is, "{} {capability:?}", family.name);
            }
            let prefixed = |name: &str| family.parts.iter().any(|part| name.starts_with(part));
            let slots = model.slots();
            let bare = slots.iter().filter(|slot| !prefixed(&slot.name));
            // SigLIP's scale and bias belong to no tower.
            assert!(bare.count() <= 2, "{}", family.name);
        }
    }

    #[test]
    fn a_language_model_alone_has_no_form_of_a_tower() {
        let t5 = read(r#"{"model_type": "t5"}"#).unwrap();
        let all = |dtype| Ok(PartDtypes::all(dtype));
        assert_eq!(t5.dtypes_with("dtype", "q8"), all(Dtype::Q8));
        assert_eq!(t5.dtypes_with("dtype", "text=q4"), all(Dtype::Q4));
        for wrong in ["vision=q8", "vision=q8,text=q4"] {
            let error = t5.dtypes_with("dtype", wrong).unwrap_err();
            assert_eq!(error.code(), "InvalidOption");
            assert!(error.to_string().contains("no vision tower"), "{error}");
        }
        let pali3 = read(r#"{"model_type": "pali3"}"#).unwrap();
        let mixed = pali3.dtypes_with("dtype", "vision=q8,text=q4").unwrap();
        assert_eq!((mixed.vision, mixed.text), (Dtype::Q8, Dtype::Q4));
    }
}
