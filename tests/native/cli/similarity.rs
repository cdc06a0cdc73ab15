//! `pali3 similarity`, and what the other commands say to a SigLIP folder.

use std::path::PathBuf;

use serde_json::Value;

use super::support::*;

const FIXTURE: &str = "siglip-two-towers";

/// The fixture's pictures: its own, and the same left to right.
fn pictures(test: &str) -> [PathBuf; 2] {
    let upright = fixture(FIXTURE).join("image.png");
    let mirrored = scratch(&format!("similarity-{test}")).join("mirrored.png");
    let flipped = image::open(&upright).unwrap().fliph();
    flipped.save(&mirrored).unwrap();
    [upright, mirrored]
}

fn texts() -> Vec<String> {
    let bytes = std::fs::read(fixture(FIXTURE).join("reference.json")).unwrap();
    let reference: Value = serde_json::from_slice(&bytes).unwrap();
    let prompts = reference["variants"][0]["prompts"].as_array().unwrap();
    let texts = prompts
        .iter()
        .map(|text| text.as_str().unwrap().to_string());
    texts.collect()
}

fn similarity(folder: &std::path::Path, pictures: &[PathBuf], more: &[&str]) -> Finished {
    let texts = texts();
    let mut arguments = vec![];
    for picture in pictures {
        arguments.extend(["--image", picture.to_str().unwrap()]);
    }
    for text in &texts {
        arguments.extend(["--text", text]);
    }
    arguments.extend(more);
    with_model("similarity", folder, &arguments)
}

/// The largest difference of a report's scores from the reference's.
fn largest_error(report: &Value) -> f64 {
    let tensors = read_tensors(&fixture(FIXTURE).join("reference.safetensors"));
    let (shape, expected) = f32_tensor(&tensors, "logits_per_image");
    let pairs = report["pairs"].as_array().unwrap();
    assert_eq!(pairs.len(), shape.iter().product::<usize>());
    let errors = pairs.iter().zip(expected).map(|(pair, expected)| {
        let logit = pair["logit"].as_f64().unwrap();
        let probability = 1.0 / (1.0 + (-logit).exp());
        assert_near(
            pair["probability"].as_f64().unwrap(),
            probability,
            1e-6,
            "sigmoid",
        );
        (logit - f64::from(expected)).abs()
    });
    errors.fold(0.0, f64::max)
}

#[test]
fn scores_are_the_references() {
    let pictures = pictures("scores");
    let report = similarity(&fixture(FIXTURE), &pictures, &["--json"]).json();
    assert!(largest_error(&report) < 1e-4);
    let printed = similarity(&fixture(FIXTURE), &pictures, &[]).ok();
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!(lines.len(), 2 * texts().len());
    for (line, pair) in lines.iter().zip(report["pairs"].as_array().unwrap()) {
        let probability: f64 = line.split_whitespace().next().unwrap().parse().unwrap();
        assert_near(
            probability,
            pair["probability"].as_f64().unwrap(),
            1e-6,
            line,
        );
    }
    let eight = similarity(&fixture(FIXTURE), &pictures, &["--json", "--dtype", "q8"]).json();
    let error = largest_error(&eight);
    assert!(error > 1e-4 && error < 0.1, "{error}");
}

#[test]
fn folders_are_inspected_and_quantized() {
    let folder = fixture(FIXTURE);
    let report = pali3(&["inspect", folder.to_str().unwrap(), "--json"]).json();
    assert_eq!(report["model_type"], "siglip");
    let towers = report["towers"].as_array().unwrap();
    let parameters = |tower: &Value| tower["parameters"].as_u64().unwrap();
    assert_eq!(towers.len(), 2);
    // The scores' scale and bias belong to no tower.
    assert_eq!(
        parameters(&towers[0]) + parameters(&towers[1]) + 2,
        parameters(&report)
    );

    let out = scratch("similarity-q8");
    let (model, to) = (folder.to_str().unwrap(), out.to_str().unwrap());
    pali3(&["quantize", "--model", model, "--dtype", "q8", "--out", to]).ok();
    pali3(&["inspect", to]).ok();
    let pictures = pictures("quantized");
    let stored = similarity(&out, &pictures, &["--json"]).json();
    let on_the_fly = similarity(&folder, &pictures, &["--json", "--dtype", "q8"]).json();
    assert_eq!(stored["pairs"], on_the_fly["pairs"]);
}

#[test]
fn a_model_of_the_other_kind_is_named() {
    let picture = fixture(FIXTURE).join("image.png");
    let ask = [
        "--image",
        picture.to_str().unwrap(),
        "--prompt",
        "what is it?",
    ];
    with_model("run", &fixture(FIXTURE), &ask).fails_with(&["model_type is siglip", "\"pali3\""]);
    let pali3 = fixture("pali3-prepend");
    similarity(&pali3, &[picture], &[]).fails_with(&["model_type is pali3", "\"siglip\""]);
}

#[test]
fn a_folder_without_a_tensor_is_refused() {
    let folder = copy_of(FIXTURE, "similarity-damaged");
    let weights = folder.join("model.safetensors");
    let mut tensors = read_tensors(&weights);
    tensors.retain(|tensor| tensor.0 != "text_model.head.bias");
    write_tensors(&weights, &tensors);
    let picture = [fixture(FIXTURE).join("image.png")];
    similarity(&folder, &picture, &[]).fails_with(&["1 tensor missing: text_model.head.bias [32]"]);
}
