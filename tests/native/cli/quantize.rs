//! `pali3 quantize` and `pali3 compare` on the committed model, and the folders that come of them.

use super::support::{edit_json, pali3, read_tensors, scratch, write_tensors};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

const TINY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/www/models/pali3-tiny");
const SCENE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/www/samples/scene-1.png");

/// The committed model in another form, in a folder of the test's own.
fn quantized(name: &str, arguments: &[&str]) -> PathBuf {
    let folder = scratch(&format!("quantize-{name}"));
    let fixed = ["quantize", "--model", TINY, "--out", text(&folder)];
    pali3(&[&fixed, arguments].concat()).ok();
    folder
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn read_json(folder: &Path, file: &str) -> Value {
    serde_json::from_slice(&std::fs::read(folder.join(file)).unwrap()).unwrap()
}

fn weights_in(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap());
    let weights =
        entries.filter(|entry| entry.path().extension().is_some_and(|e| e == "safetensors"));
    weights.map(|entry| entry.metadata().unwrap().len()).sum()
}

fn compare(a: &str, b: &Path, arguments: &[&str]) -> Value {
    let fixed = ["compare", a, text(b), "--json"];
    pali3(&[&fixed, arguments].concat()).json()
}

fn score(model: &str, dtype: &str) -> Value {
    let question = ["--image", SCENE, "--prompt", "how many shapes are there?"];
    let fixed = [
        "run", "--model", model, "--dtype", dtype, "--device", "cpu", "--json",
    ];
    pali3(&[&fixed[..], &question].concat()).json()
}

/// The largest relative error of the layers.
fn largest_error(report: &Value) -> f64 {
    let layers = report["layers"].as_array().unwrap();
    assert!(layers.len() > 30, "{}", layers.len());
    let errors = layers
        .iter()
        .map(|layer| layer["relative_error"].as_f64().unwrap());
    errors.fold(0.0, f64::max)
}

#[test]
fn eight_and_four_bits_lose_little() {
    for (dtype, points, agreement, ratio) in [("q8", 0.005, 0.99, 0.6), ("q4", 0.02, 0.95, 0.35)] {
        let folder = quantized(&format!("{dtype}-loses"), &["--dtype", dtype, "--json"]);
        let report = compare(TINY, &folder, &["--held-out", "150"]);
        let accuracy = |of: &str| report["held_out"][of].as_f64().unwrap();
        let lost = accuracy("accuracy_a") - accuracy("accuracy_b");
        assert_eq!(report["held_out"]["asked"], 600);
        assert!(accuracy("accuracy_a") > 0.9, "{report}");
        assert!(lost <= points, "{dtype} loses {lost}");
        let found = report["top1_agreement"].as_f64().unwrap();
        assert!(found >= agreement, "{dtype} agrees at {found}");
        // Far from nothing, too: the weights are other ones.
        assert!(largest_error(&report) > 1e-3, "{dtype}");
        let bytes = weights_in(&folder);
        assert!(
            (bytes as f64) < ratio * 2_112_600.0,
            "{dtype}: {bytes} bytes"
        );
    }
}

#[test]
fn blocks_compute_what_the_floats_compute_that_they_stand_for() {
    for dtype in ["q8", "q4", "vision=q8,text=q4"] {
        let folder = quantized(&format!("{dtype}-floats"), &["--dtype", dtype]);
        let path = text(&folder);
        let question = ["--image", SCENE, "--prompt", "which colour is the circle?"];
        let report = compare(
            path,
            &folder,
            &[&question[..], &["--dtype", "f32"]].concat(),
        );
        // What the kernel for many rows rounds off; the blocks themselves are ten times as far from the weights.
        let error = largest_error(&report);
        assert!(error < 1.5e-3, "{dtype}: {error}");
        assert_eq!(report["top1_agreement"], 1.0);
    }
}

#[test]
fn what_loads_quantized_is_what_is_stored_quantized() {
    for dtype in ["q8", "q4"] {
        let folder = quantized(&format!("{dtype}-fast"), &["--dtype", dtype, "--fast"]);
        let stored = score(text(&folder), "auto");
        let loaded = score(TINY, dtype);
        assert_eq!(stored["score"], loaded["score"], "{dtype}");
        assert_eq!(stored["text"], "5");
    }
    let mixed = score(TINY, "vision=q8,text=q4");
    assert_eq!(mixed["text"], "5");
}

#[test]
fn shards_are_described_and_quantizing_again_changes_nothing() {
    let folder = quantized("shards", &["--dtype", "q8", "--shard-size", "200K"]);
    let index = read_json(&folder, "model.safetensors.index.json");
    let shards = index["shards"].as_object().unwrap();
    assert!(shards.len() >= 6, "{}", shards.len());
    for (file, shard) in shards {
        let bytes = std::fs::read(folder.join(file)).unwrap();
        assert_eq!(shard["size"], bytes.len(), "{file}");
        assert_eq!(shard["sha256"].as_str().unwrap().len(), 64);
        // Every tensor starts on a multiple of four.
        let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        assert_eq!((8 + length) % 8, 0);
        let header: Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
        for (name, tensor) in header.as_object().unwrap() {
            if name != "__metadata__" {
                let start = tensor["data_offsets"][0].as_u64().unwrap();
                assert_eq!(start % 4, 0, "{name}");
            }
        }
    }
    let config = read_json(&folder, "config.json");
    assert_eq!(
        config["quantization_config"]["dtypes"]["language_model"],
        "q8"
    );
    assert_eq!(config["quantization_config"]["block_size"], 32);
    let report = pali3(&["inspect", text(&folder), "--json"]).json();
    assert_eq!(report["parameters"], 1_048_512);
    assert_eq!(report["problems"], serde_json::json!([]));

    let again = scratch("quantize-again");
    let (from, to) = (text(&folder), text(&again));
    let fixed = ["quantize", "--model", from, "--dtype", "q8", "--out", to];
    pali3(&[&fixed[..], &["--shard-size", "200K"]].concat()).ok();
    assert_eq!(read_json(&again, "model.safetensors.index.json"), index);
}

#[test]
fn halves_and_floats_keep_their_plain_form() {
    let folder = quantized("halves", &["--dtype", "f16"]);
    assert!(folder.join("model.safetensors").is_file());
    assert!(
        read_json(&folder, "config.json")
            .get("quantization_config")
            .is_none()
    );
    let report = compare(TINY, &folder, &["--image", SCENE]);
    assert_eq!(largest_error(&report), 0.0);
}

#[test]
fn a_changed_byte_is_found_by_its_shard_s_hash() {
    let folder = quantized("changed", &["--dtype", "q4", "--shard-size", "200K"]);
    let path = text(&folder);
    let file = "model-00002-of-00004.safetensors";
    let shard = folder.join(file);
    let mut bytes = std::fs::read(&shard).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&shard, &bytes).unwrap();
    let run = ["run", "--model", path, "--prompt", "x", "--device", "cpu"];
    pali3(&run).fails_with(&[file, "expected SHA-256", "found"]);
    bytes.truncate(middle);
    std::fs::write(&shard, &bytes).unwrap();
    pali3(&run).fails_with(&[file, "truncated: expected"]);
    std::fs::remove_file(&shard).unwrap();
    pali3(&run).fails_with(&[file, "not found"]);
}

#[test]
fn wrong_descriptions_and_options_are_named() {
    let folder = quantized("described", &["--dtype", "q4"]);
    let path = text(&folder);
    let run = ["run", "--model", path, "--prompt", "x", "--device", "cpu"];
    let config = read_json(&folder, "config.json");
    for (key, value, words) in [
        (
            "quant_method",
            Value::from("awq"),
            ["quantization_config.quant_method", "awq"],
        ),
        (
            "block_size",
            Value::from(64),
            ["quantization_config.block_size", "64"],
        ),
        ("colour", Value::from(1), ["colour", "config.json"]),
    ] {
        let file = folder.join("config.json");
        edit_json(&file, |config| config["quantization_config"][key] = value);
        pali3(&run).fails_with(&words);
        edit_json(&file, |changed| *changed = config.clone());
    }
    for dtype in ["q5", "audio=q4", "f16"] {
        pali3(&[&run[..], &["--dtype", dtype]].concat()).fails_with(&["option --dtype"]);
    }
    let quantize = ["quantize", "--model", TINY, "--out", path, "--dtype", "q4"];
    pali3(&quantize).fails_with(&["option --out", "is there already"]);
    let elsewhere = scratch("quantize-elsewhere");
    let out = text(&elsewhere);
    for size in ["0", "12X", "-1"] {
        let size = format!("--shard-size={size}");
        let quantize = [
            "quantize", "--model", TINY, "--out", out, "--dtype", "q4", &size,
        ];
        pali3(&quantize).fails_with(&["option --shard-size"]);
    }
    pali3(&["compare", TINY, path]).fails_with(&["there is no question"]);
}

#[test]
fn scales_that_are_missing_or_of_another_shape_are_named() {
    let folder = quantized("scales", &["--dtype", "q8"]);
    let file = folder.join("model-00001-of-00001.safetensors");
    let mut tensors = read_tensors(&file);
    let at = |tensors: &[(String, _, _, _)], name: &str| {
        tensors.iter().position(|t| t.0 == name).unwrap()
    };
    let run = [
        "run",
        "--model",
        text(&folder),
        "--prompt",
        "x",
        "--device",
        "cpu",
    ];
    // Hash and size would be found wrong first.
    edit_json(&folder.join("model.safetensors.index.json"), |index| {
        index["shards"] = json!({})
    });

    let scales = "multi_modal_projector.linear.scales";
    let i = at(&tensors, scales);
    tensors[i].2 = vec![32, 8];
    write_tensors(&file, &tensors);
    pali3(&run).fails_with(&[scales, "expected shape [64, 4], found [32, 8]"]);
    tensors[i].2 = vec![64, 4];
    tensors[i].1 = safetensors::Dtype::BF16;
    write_tensors(&file, &tensors);
    pali3(&run).fails_with(&[scales, "BF16 for scales of F16"]);
    tensors.remove(i);
    write_tensors(&file, &tensors);
    edit_json(&folder.join("model.safetensors.index.json"), |index| {
        index["weight_map"].as_object_mut().unwrap().remove(scales);
    });
    pali3(&run).fails_with(&["1 tensor missing", scales, "[64, 4]"]);
}
