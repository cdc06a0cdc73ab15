//! Folders of a language model alone: what works on them, and what they refuse.

use serde_json::{Value, json};
use std::path::{Path, PathBuf};

use super::support::*;

const FIXTURE: &str = "mt5-prompts";
const PROMPT: &str = "how many red shapes are there?";

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn config(folder: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(folder.join("config.json")).unwrap()).unwrap()
}

/// The fixture in another form, in a folder of the test's own.
fn quantized(name: &str, arguments: &[&str]) -> PathBuf {
    let (from, to) = (fixture(FIXTURE), scratch(&format!("t5-{name}")));
    let fixed = ["quantize", "--model", text(&from), "--out", text(&to)];
    pali3(&[&fixed, arguments].concat()).ok();
    to
}

fn answer(folder: &Path, more: &[&str]) -> Value {
    with_model(
        "run",
        folder,
        &[&["--prompt", PROMPT, "--json"], more].concat(),
    )
    .json()
}

#[test]
fn inspect_counts_its_parts() {
    let folder = fixture(FIXTURE);
    let tensors = read_tensors(&folder.join("model.safetensors"));
    let count = |prefix: &str| -> usize {
        let own = tensors.iter().filter(|t| t.0.starts_with(prefix));
        own.map(|t| t.2.iter().product::<usize>()).sum()
    };
    let report = pali3(&["inspect", text(&folder), "--json"]).json();
    assert_eq!(report["model_type"], "mt5");
    assert_eq!(report["problems"], json!([]));
    assert_eq!(report["parameters"], count(""));
    let parts = report["towers"].as_array().unwrap();
    let names: Vec<&str> = parts.iter().map(|p| p["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["shared", "encoder", "decoder", "lm_head"]);
    for part in parts {
        let parameters = count(part["name"].as_str().unwrap());
        assert!(parameters > 0 && part["parameters"] == parameters, "{part}");
    }
}

#[test]
fn quantized_folders_load_again() {
    for (dtype, words) in [("q8", "q8"), ("q4", "text=q4")] {
        let folder = quantized(&format!("stored-{dtype}"), &["--dtype", words, "--fast"]);
        let written = config(&folder);
        assert_eq!(written["d_model"], config(&fixture(FIXTURE))["d_model"]);
        let form = &written["quantization_config"]["dtypes"]["language_model"];
        assert_eq!(form, dtype);
        let report = pali3(&["inspect", text(&folder), "--json"]).json();
        assert_eq!(report["problems"], json!([]));
        let stored = answer(&folder, &[]);
        assert_eq!(
            stored["score"],
            answer(&fixture(FIXTURE), &["--dtype", dtype])["score"]
        );
        assert_eq!(
            stored["score"],
            answer(&fixture(FIXTURE), &["--dtype", words])["score"]
        );
        assert_ne!(stored["score"], answer(&fixture(FIXTURE), &[])["score"]);
        // Quantizing again changes nothing, and back to floats it is a plain folder.
        let again = scratch(&format!("t5-again-{dtype}"));
        let fixed = ["quantize", "--model", text(&folder), "--out", text(&again)];
        pali3(&[&fixed[..], &["--dtype", dtype]].concat()).ok();
        assert_eq!(answer(&again, &[])["score"], stored["score"]);
    }
    let halves = quantized("halves", &["--dtype", "f16"]);
    assert!(config(&halves).get("quantization_config").is_none());
    assert_eq!(
        answer(&halves, &[])["score"],
        answer(&fixture(FIXTURE), &[])["score"]
    );
}

#[test]
fn forms_are_compared_layer_by_layer() {
    let (a, b) = (fixture(FIXTURE), quantized("compared", &["--dtype", "q8"]));
    let compare = |b: &Path| {
        let fixed = ["compare", text(&a), text(b), "--json"];
        pali3(&[&fixed[..], &["--prompt", PROMPT]].concat()).json()
    };
    let errors = |report: &Value| -> Vec<f64> {
        let layers = report["layers"].as_array().unwrap().iter();
        layers
            .map(|layer| layer["relative_error"].as_f64().unwrap())
            .collect()
    };
    let same = compare(&a);
    assert!(errors(&same).len() > 15 && errors(&same).iter().all(|&error| error == 0.0));
    assert_eq!(same["top1_agreement"], 1.0);
    let other = errors(&compare(&b));
    assert!(other.iter().any(|&error| error > 1e-4), "{other:?}");
    assert!(other.iter().all(|&error| error < 0.1), "{other:?}");
}

#[test]
fn pictures_are_refused_before_the_weights_are_read() {
    let folder = copy_of(FIXTURE, "t5-without-weights");
    std::fs::remove_file(folder.join("model.safetensors")).unwrap();
    let picture = fixture("pali3-prepend").join("image.png");
    let out = folder.join("out.safetensors");
    let ask = ["--image", text(&picture), "--prompt", PROMPT];
    let words = ["config.json: model_type is mt5", "takes no pictures"];
    with_model("run", &folder, &ask).fails_with(&words);
    with_model("score", &folder, &[&ask[..], &["--target", "two"]].concat()).fails_with(&words);
    with_model(
        "encode",
        &folder,
        &[&ask[..], &["--out", text(&out)]].concat(),
    )
    .fails_with(&words);
    assert!(!out.exists());
    let compare = ["compare", text(&folder), text(&folder)];
    pali3(&[&compare[..], &ask].concat()).fails_with(&words);
    pali3(&[&compare[..], &["--held-out", "1"]].concat()).fails_with(&words);
    // Without a picture, what is missing is the weights.
    with_model("run", &folder, &["--prompt", PROMPT]).fails_with(&["model.safetensors"]);
    let words = ["model_type is mt5", "\"siglip\""];
    let similarity = ["--image", text(&picture), "--text", "a circle"];
    with_model("similarity", &fixture(FIXTURE), &similarity).fails_with(&words);
}

#[test]
fn what_it_does_not_have_is_named() {
    let model = fixture(FIXTURE);
    let ask = ["--prompt", PROMPT, "--dtype", "vision=q8"];
    with_model("run", &model, &ask).fails_with(&["option --dtype", "no vision tower"]);
    let out = scratch("t5-vision");
    let quantize = ["quantize", "--model", text(&model), "--out", text(&out)];
    pali3(&[&quantize[..], &["--dtype", "vision=q8,text=q4"]].concat())
        .fails_with(&["option --dtype", "no vision tower"]);
    assert!(!out.join("config.json").exists());

    let folder = copy_of(FIXTURE, "t5-without-tokenizer");
    std::fs::remove_file(folder.join("tokenizer.json")).unwrap();
    with_model("run", &folder, &["--prompt", PROMPT]).fails_with(&["tokenizer.json", "not found"]);
    let folder = copy_of(FIXTURE, "umt5");
    edit_json(&folder.join("config.json"), |config| {
        config["model_type"] = json!("umt5")
    });
    with_model("run", &folder, &["--prompt", PROMPT]).fails_with(&["model_type is umt5"]);
    let folder = copy_of(FIXTURE, "t5-without-head");
    let weights = folder.join("model.safetensors");
    let mut tensors = read_tensors(&weights);
    tensors.retain(|tensor| tensor.0 != "lm_head.weight");
    write_tensors(&weights, &tensors);
    with_model("run", &folder, &["--prompt", PROMPT])
        .fails_with(&["1 tensor missing: lm_head.weight [96, 32]"]);
}

#[test]
fn a_head_in_the_file_counts_for_more_than_the_configuration() {
    let expected = answer(&fixture(FIXTURE), &[]);
    // As transformers 5 writes both; what is tied is scaled, but never in mT5.
    for (model_type, scaled, same) in [
        ("mt5", None, true),
        ("t5", Some(false), true),
        ("t5", None, false),
    ] {
        let folder = copy_of(FIXTURE, "t5-tied-by-configuration");
        edit_json(&folder.join("config.json"), |config| {
            config["model_type"] = json!(model_type);
            config["tie_word_embeddings"] = json!(true);
            config["scale_decoder_outputs"] = json!(scaled);
        });
        let found = answer(&folder, &[]);
        let equal =
            found["token_ids"] == expected["token_ids"] && found["score"] == expected["score"];
        assert_eq!(equal, same, "{model_type} {scaled:?}: {found}");
    }
}

#[test]
fn its_self_test_has_no_picture() {
    let folder = copy_of(FIXTURE, "t5-self-test");
    with_model("self-test", &folder, &["--write", "--prompt", PROMPT]).ok();
    let file = folder.join("self_test.json");
    let test: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    for key in ["picture", "visual_tokens"] {
        assert!(test.get(key).is_none(), "{key}");
    }
    let report = with_model("self-test", &folder, &["--json"]).json();
    let names = report["checks"].as_array().unwrap().iter();
    let names: Vec<&str> = names.map(|check| check["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["logits", "best tokens"]);
    edit_json(&file, |test| test["steps"][1]["logits"][3] = json!(99));
    with_model("self-test", &folder, &[]).fails_with(&["does not compute what"]);
    // Half of what belongs to a picture is no test, and a whole one is for another model.
    edit_json(&file, |test| {
        test["picture"] = json!({ "side": 16, "seed": 1 })
    });
    with_model("self-test", &folder, &[]).fails_with(&["do not fit together"]);
    edit_json(&file, |test| {
        test["visual_tokens"] = json!({ "indices": [0], "values": [0.5] });
        test["tolerance"]["visual_tokens"] = json!(0.1);
    });
    with_model("self-test", &folder, &[]).fails_with(&["takes no pictures"]);
}

#[test]
fn random_folders_need_no_tower() {
    let out = scratch("t5-random");
    let random = ["random", "--text", "pali3-tiny", "--out", text(&out)];
    pali3(&random).ok();
    let written = config(&out);
    assert_eq!(
        (&written["model_type"], &written["d_model"]),
        (&json!("t5"), &json!(64))
    );
    assert!(!out.join("preprocessor_config.json").exists());
    pali3(&["inspect", text(&out)]).ok();
    assert!(answer(&out, &[])["token_ids"].as_array().unwrap().len() <= 8);
    let preset = ["random", "--preset", "base16", "--out", text(&out)];
    pali3(&preset).fails_with(&[
        "option --preset",
        "base16 has no language model",
        "pali3-5b",
    ]);
    let short = ["random", "--text", "base", "--out", text(&out)];
    pali3(&short).fails_with(&["option --text", "no size is called base", "t5-1.1-base"]);
    let tower = [
        "random",
        "--text",
        "t5-1.1-small",
        "--vision",
        "t5-1.1-small",
    ];
    let tower = [&tower[..], &["--out", text(&out)]].concat();
    pali3(&tower).fails_with(&["option --vision", "no vision tower", "so400m14"]);
    pali3(&["random", "--vision", "base16", "--out", text(&out)]).fails_with(&["--text"]);
}
