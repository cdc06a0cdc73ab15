//! Bad input: exit code 1 and a message with names and numbers, whichever command meets it.

use safetensors::Dtype;
use serde_json::json;

use super::support::*;

const FIXTURE: &str = "pali3-prepend";
const WEIGHTS: &str = "model.safetensors";
const PROJECTION: &str = "multi_modal_projector.linear.weight";

/// The model folder is refused by `run` and by `inspect`, both naming what is wrong.
fn refused(folder: &std::path::Path, words: &[&str]) {
    with_model("run", folder, &["--prompt", "x"]).fails_with(words);
    let folder = folder.to_str().unwrap();
    pali3(&["inspect", folder]).fails_with(words);
    let json = pali3(&["inspect", folder, "--json"]);
    assert_eq!(json.code, Some(1));
    let report: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    let problems = report["problems"].to_string();
    for word in words {
        let quoted = json!(word).to_string();
        assert!(
            problems.contains(&quoted[1..quoted.len() - 1]),
            "no {word:?} in {problems}"
        );
    }
}

#[test]
fn missing_files_are_named() {
    let nowhere = scratch("nowhere").join("none");
    with_model("run", &nowhere, &["--prompt", "x"]).fails_with(&["nowhere/none", "not found"]);
    for file in ["config.json", "tokenizer.json", WEIGHTS] {
        let folder = copy_of(FIXTURE, &format!("without-{file}"));
        std::fs::remove_file(folder.join(file)).unwrap();
        refused(&folder, &[file, "not found"]);
    }
    let picture = ["--prompt", "x", "--image", "no/such/picture.png"];
    with_model("run", &fixture(FIXTURE), &picture)
        .fails_with(&["no/such/picture.png", "not found"]);
}

#[test]
fn a_folder_without_optional_files_takes_the_defaults() {
    let folder = copy_of(FIXTURE, "without-optional-files");
    std::fs::remove_file(folder.join("generation_config.json")).unwrap();
    std::fs::remove_file(folder.join("preprocessor_config.json")).unwrap();
    let json = with_model("run", &folder, &["--prompt", "x", "--json"]).json();
    assert!(json["token_ids"].as_array().unwrap().len() <= 20);
}

#[test]
fn truncated_and_corrupt_weights_are_refused() {
    let folder = copy_of(FIXTURE, "truncated");
    let path = folder.join(WEIGHTS);
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() - 100]).unwrap();
    refused(
        &folder,
        &[
            WEIGHTS,
            &whole.len().to_string(),
            &(whole.len() - 100).to_string(),
        ],
    );
    for (name, bytes) in [
        ("empty", &b""[..]),
        ("short", &whole[..5]),
        ("header", &whole[..50]),
        ("huge-header", &[0xff; 64][..]),
        (
            "text",
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
        ),
    ] {
        let folder = copy_of(FIXTURE, &format!("corrupt-{name}"));
        std::fs::write(folder.join(WEIGHTS), bytes).unwrap();
        refused(&folder, &[WEIGHTS]);
    }
}

#[test]
fn tensors_that_do_not_fit_are_named_with_shapes() {
    let tensors = read_tensors(&fixture(FIXTURE).join(WEIGHTS));
    let find = |name: &str| tensors.iter().position(|t| t.0 == name).unwrap();
    let write = |name: &str, change: &dyn Fn(&mut Tensors)| {
        let folder = copy_of(FIXTURE, name);
        let mut tensors = tensors.clone();
        change(&mut tensors);
        write_tensors(&folder.join(WEIGHTS), &tensors);
        folder
    };
    let shape = &tensors[find(PROJECTION)].2;
    let reversed: Vec<usize> = shape.iter().rev().copied().collect();
    let (expected, found) = (format!("{shape:?}"), format!("{reversed:?}"));
    assert_ne!(expected, found);

    let missing = write("missing-tensor", &|t| drop(t.remove(find(PROJECTION))));
    refused(&missing, &[PROJECTION, "missing", &expected]);

    let left_over = write("left-over-tensor", &|t| {
        t.push((
            "language_model.extra.weight".into(),
            Dtype::F32,
            vec![2],
            vec![0; 8],
        ));
    });
    refused(&left_over, &["language_model.extra.weight", "left over"]);

    let wrong = write("wrong-shape", &|t| t[find(PROJECTION)].2 = reversed.clone());
    refused(&wrong, &[PROJECTION, &expected, &found]);

    let dtype = write("wrong-dtype", &|t| t[find(PROJECTION)].1 = Dtype::I32);
    refused(&dtype, &[PROJECTION, "F16", "I32"]);
}

#[test]
fn shards_are_checked_against_their_index() {
    let name = "pali3-tied-no-bias";
    let shard = "model-00002-of-00003.safetensors";
    let folder = copy_of(name, "missing-shard");
    std::fs::remove_file(folder.join(shard)).unwrap();
    refused(&folder, &[shard, "not found"]);

    let folder = copy_of(name, "short-shard");
    let mut tensors = read_tensors(&folder.join(shard));
    let lost = tensors.remove(0).0;
    write_tensors(&folder.join(shard), &tensors);
    refused(&folder, &[&lost, shard, "missing"]);

    let folder = copy_of(name, "outside-shard");
    edit_json(&folder.join("model.safetensors.index.json"), |index| {
        index["weight_map"][&lost] = json!("../outside.safetensors");
    });
    refused(
        &folder,
        &["model.safetensors.index.json", "../outside.safetensors"],
    );
}

#[test]
fn inspect_lists_every_problem() {
    let folder = copy_of(FIXTURE, "many-problems");
    let path = folder.join(WEIGHTS);
    let mut tensors = read_tensors(&path);
    let at = |tensors: &Tensors, name: &str| tensors.iter().position(|t| t.0 == name).unwrap();
    let bias = "multi_modal_projector.linear.bias";
    let index = at(&tensors, bias);
    tensors.remove(index);
    let index = at(&tensors, PROJECTION);
    let flat = vec![tensors[index].2.iter().product()];
    let flat_words = format!("{flat:?}");
    tensors[index].2 = flat;
    for extra in 0..7 {
        tensors.push((format!("extra.{extra}"), Dtype::F32, vec![1], vec![0; 4]));
    }
    write_tensors(&path, &tensors);
    std::fs::remove_file(folder.join("tokenizer.json")).unwrap();
    let mut words = vec![bias, PROJECTION, &flat_words, "tokenizer.json"];
    let extras: Vec<String> = (0..7).map(|i| format!("extra.{i}")).collect();
    words.extend(extras.iter().map(String::as_str));
    pali3(&["inspect", folder.to_str().unwrap()]).fails_with(&words);
}

#[test]
fn configurations_that_cannot_be_run_are_refused() {
    let edited = |name: &str, file: &str, change: &dyn Fn(&mut serde_json::Value)| {
        let folder = copy_of(FIXTURE, name);
        edit_json(&folder.join(file), change);
        folder
    };
    let config = "config.json";
    let other = edited("other-model", config, &|c| {
        c["model_type"] = json!("paligemma")
    });
    refused(&other, &[config, "model_type", "paligemma", "pali3"]);
    let none = edited("no-model-type", config, &|c| {
        drop(c.as_object_mut().unwrap().remove("model_type"))
    });
    refused(&none, &[config, "model_type", "pali3"]);
    let activation = edited("activation", config, &|c| {
        c["text_config"]["feed_forward_proj"] = json!("gated-mish");
    });
    refused(&activation, &[config, "gated-mish"]);
    let generation = edited("generation", "generation_config.json", &|c| {
        c["num_beam_groups"] = json!(2)
    });
    refused(
        &generation,
        &["generation_config.json", "num_beam_groups", "2"],
    );
    let folder = copy_of(FIXTURE, "not-json");
    std::fs::write(folder.join(config), "{\"model_type\": ").unwrap();
    refused(&folder, &[config]);
}

#[test]
fn pictures_that_are_none_are_refused() {
    let folder = scratch("pictures");
    let png = std::fs::read(fixture(FIXTURE).join("image.png")).unwrap();
    for (name, bytes) in [
        ("text.png", &b"not a picture"[..]),
        ("empty.png", b""),
        ("cut.png", &png[..png.len() / 2]),
    ] {
        let path = folder.join(name);
        std::fs::write(&path, bytes).unwrap();
        let path = path.to_str().unwrap();
        let model = fixture(FIXTURE);
        with_model("run", &model, &["--prompt", "x", "--image", path]).fails_with(&[name]);
        let out = folder.join("out.safetensors");
        let encode = ["--image", path, "--out", out.to_str().unwrap()];
        with_model("encode", &model, &encode).fails_with(&[name]);
        assert!(!out.exists());
    }
}

#[test]
fn prompts_longer_than_the_model_takes_are_refused_with_both_lengths() {
    let folder = copy_of(FIXTURE, "short-prompts");
    edit_json(&folder.join("config.json"), |c| {
        c["max_prompt_tokens"] = json!(10)
    });
    // 11 tokens with the closing </s>
    let prompt = "What colour is the circle?";
    with_model("run", &folder, &["--prompt", prompt]).fails_with(&["prompt", "11", "10"]);
    let target = ["--prompt", prompt, "--target", "red"];
    with_model("score", &folder, &target).fails_with(&["prompt", "11", "10"]);
}

#[test]
fn options_are_refused_by_their_names() {
    let model = fixture(FIXTURE);
    let run = |more: &[&str]| with_model("run", &model, &[&["--prompt", "x"], more].concat());
    run(&["--num-beam", "2"]).fails_with(&["--num-beam", "--num-beams"]);
    run(&["--num-beams", "two"]).fails_with(&["--num-beams", "two"]);
    run(&["--num-beams", "0"]).fails_with(&["--num-beams", "1 to 256", "found 0"]);
    run(&["--max-new-tokens", "0"]).fails_with(&["--max-new-tokens", "found 0"]);
    run(&["--num-return-sequences", "3"]).fails_with(&[
        "--num-return-sequences",
        "num_beams (1)",
        "found 3",
    ]);
    run(&["--num-beams", "2", "--top-k", "3"]).fails_with(&["--num-beams", "sampling"]);
    run(&["--temperature", "-0.5"]).fails_with(&["--temperature", "-0.5"]);
    run(&["--temperature", "nan"]).fails_with(&["--temperature", "finite"]);
    run(&["--top-p", "1.5"]).fails_with(&["--top-p", "1.5"]);
    run(&["--repetition-penalty", "0"]).fails_with(&["--repetition-penalty", "found 0"]);
    run(&["--early-stopping", "maybe"]).fails_with(&["--early-stopping", "maybe"]);
    run(&["--stop", ""]).fails_with(&["--stop", "empty"]);
    pali3(&["run", "--device", "tpu"]).fails_with(&["--device", "tpu", "auto", "cpu", "wgpu"]);
    pali3(&["run", "--prompt", "x"]).fails_with(&["--model"]);
    pali3(&["walk"]).fails_with(&["walk"]);
    pali3::<&str>(&[]).fails_with(&["Usage"]);
    assert!(pali3(&["--help"]).ok().contains("inspect"));
    assert!(pali3(&["--version"]).ok().starts_with("pali3 "));
}
