//! The presets' sizes against HF's models (`tests/reference/counts.py`), without allocating any of them.

use pali3::checkpoint::{Slot, slots};
use pali3::compute::device::cpu;
use pali3::formats::{Dtype, PartDtypes};
use pali3::models::{
    PRESETS, Pali3Model, Preset, SiglipVisionModel, T5Model, pali3 as family, preset, siglip, t5,
};
use pali3::nn::Place;
use serde_json::Value;

fn count(slots: &[Slot]) -> u64 {
    slots.iter().map(|slot| slot.len() as u64).sum()
}

fn vision(preset: &Preset, head: bool) -> u64 {
    let mut config = preset.vision_config().unwrap();
    config.vision_use_head = head;
    count(&slots(
        &siglip::names::VISION_NAMES,
        &SiglipVisionModel::new(&config, &Place::dense(&cpu())),
    ))
}

fn text(preset: &Preset) -> u64 {
    let config = preset.text_config().unwrap();
    count(&slots(
        &t5::names::NAMES,
        &T5Model::new(&config, true, &Place::dense(&cpu())),
    ))
}

fn reference() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/presets.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn parameters_equal_the_reference() {
    let reference = reference();
    let floats = PartDtypes::all(Dtype::F32);
    for preset in PRESETS {
        let expected = &reference["presets"][preset.name];
        match (preset.vision, preset.text) {
            (Some(_), None) => {
                assert_eq!(Some(vision(preset, true)), expected["parameters"].as_u64());
                let headless = expected["parameters_without_head"].as_u64();
                assert_eq!(Some(vision(preset, false)), headless);
            }
            (None, Some(_)) => assert_eq!(Some(text(preset)), expected["parameters"].as_u64()),
            _ if preset.name == "pali3-tiny" => {} // ours: there is no reference to count
            _ => {
                let model = Pali3Model::new(&preset.pali3_config().unwrap(), true, &floats, &cpu());
                let parameters = count(&slots(&family::names::NAMES, &model));
                assert_eq!(Some(parameters), expected["parameters"].as_u64());
            }
        }
    }
}

#[test]
fn a_written_configuration_says_where_the_decoder_starts() {
    for config in PRESETS.iter().filter_map(Preset::text_config) {
        let written = serde_json::to_value(config).unwrap();
        assert_eq!(written["decoder_start_token_id"], 0);
    }
}

#[test]
fn the_specification_s_figures_hold() {
    // Rounded as they are published.
    let millions = |parameters: u64| (parameters as f64 / 1e5).round() / 10.0;
    assert_eq!(millions(vision(&preset("g14").unwrap(), false)), 1842.8);
    assert_eq!(millions(vision(&preset("g14").unwrap(), true)), 1881.1);
    assert_eq!(millions(text(&preset("t5-1.1-small").unwrap())), 77.0);
    assert_eq!(millions(text(&preset("t5-1.1-base").unwrap())), 247.6);
    assert_eq!(millions(text(&preset("t5-1.1-large").unwrap())), 783.2);
    assert_eq!(millions(text(&preset("t5-1.1-xl").unwrap())), 2849.8);
}

#[test]
fn names_and_shapes_are_the_checkpoints() {
    let tiny = preset("pali3-tiny").unwrap().pali3_config().unwrap();
    let found = slots(
        &family::names::NAMES,
        &Pali3Model::new(&tiny, true, &PartDtypes::all(Dtype::F32), &cpu()),
    );
    let width = tiny.vision_config.hidden_size;
    for (name, shape) in [
        (
            "vision_tower.vision_model.encoder.layers.0.self_attn.q_proj.weight",
            vec![width, width],
        ),
        (
            "multi_modal_projector.linear.bias",
            vec![tiny.text_config.d_model],
        ),
        (
            "language_model.decoder.block.0.layer.1.EncDecAttention.o.weight",
            vec![tiny.text_config.d_model, tiny.text_config.inner_dim()],
        ),
    ] {
        assert!(
            found.iter().any(|s| s.name == name && s.shape == shape),
            "{name}"
        );
    }
}
