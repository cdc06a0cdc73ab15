//! Each command's results.

use std::collections::BTreeSet;

use pali3::tokenizer::Tokenizer;
use serde_json::Value;

use super::support::*;

const FIXTURE: &str = "pali3-prepend";

fn reference(name: &str) -> Value {
    let path = fixture(name).join("reference.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn image() -> String {
    fixture(FIXTURE)
        .join("image.png")
        .to_str()
        .unwrap()
        .to_string()
}

/// Asserts that an object has exactly these keys.
fn assert_keys(value: &Value, expected: &[&str]) {
    let found: BTreeSet<&str> = value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(found, expected.iter().copied().collect());
}

fn ids(value: &Value) -> Vec<u64> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|id| id.as_u64().unwrap())
        .collect()
}

/// One recorded case as the command line's options.
fn as_arguments(options: &Value) -> Vec<String> {
    let mut arguments = Vec::new();
    for (name, value) in options.as_object().unwrap() {
        arguments.push(format!("--{}", name.replace('_', "-")));
        arguments.push(
            value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_string),
        );
    }
    arguments
}

#[test]
fn run_gives_the_references_ids_texts_and_scores() {
    assert!(compare_generation(FIXTURE) >= 10);
    // F16 in three shards, tied, no bias
    assert!(compare_generation("pali3-tied-no-bias") >= 4);
    // a language model alone
    assert!(compare_generation("mt5-prompts") >= 8);
}

/// Runs every recorded generation of one prompt and returns their number.
fn compare_generation(name: &str) -> usize {
    let reference = reference(name);
    let folder = fixture(name);
    let image = folder.join("image.png");
    let mirrored = scratch(&format!("{name}-mirrored")).join("image.png");
    if image.exists() {
        let flipped = image::open(&image).unwrap().fliph();
        flipped.save(&mirrored).unwrap();
    }
    let variants = reference["variants"].as_array().unwrap();
    let mut compared = 0;
    for case in reference["generation"].as_array().unwrap() {
        let variant = variants
            .iter()
            .find(|v| v["name"] == case["variant"])
            .unwrap();
        if variant["prompts"].as_array().unwrap().len() > 1 {
            continue; // the command takes one prompt
        }
        compared += 1;
        let what = format!("{} {}", case["name"], case["variant"]);
        let options = as_arguments(&case["options"]);
        let mut arguments: Vec<&str> = options.iter().map(String::as_str).collect();
        arguments.extend([
            "--prompt",
            variant["prompts"][0].as_str().unwrap(),
            "--json",
        ]);
        let image = image.to_str().unwrap();
        if variant["visual_tokens"] != 0 {
            arguments.extend(["--image", image]);
        }
        if variant["name"] == "two-pictures" {
            arguments.extend(["--image", mirrored.to_str().unwrap()]);
        }
        let found = with_model("run", &folder, &arguments).json();
        assert_eq!(found["device"], "cpu");
        assert_eq!(found["visual_tokens"], variant["visual_tokens"], "{what}");
        assert!(found["timings_ms"]["total"].as_f64().unwrap() > 0.0);
        let (scores, tolerance) = match case.get("sequences_scores") {
            Some(scores) => (scores, 1e-4),
            None => (&case["scores_sum"], 1e-3),
        };
        let several = case["options"].get("num_return_sequences").is_some();
        let one = [found.clone()];
        let sequences = match several {
            true => found["sequences"].as_array().unwrap().as_slice(),
            false => &one,
        };
        let expected = case["sequences"].as_array().unwrap();
        assert_eq!(sequences.len(), expected.len(), "{what}");
        for (rank, sequence) in sequences.iter().enumerate() {
            assert_eq!(
                ids(&sequence["token_ids"]),
                ids(&expected[rank]),
                "{what}, {rank}"
            );
            assert_eq!(sequence["text"], case["texts"][rank], "{what}, {rank}");
            let (found, expected) = (
                sequence["score"].as_f64().unwrap(),
                scores[rank].as_f64().unwrap(),
            );
            assert_near(
                found,
                expected,
                tolerance,
                &format!("{what}: score of {rank}"),
            );
        }
        assert_eq!(
            found["text"], sequences[0]["text"],
            "{what}: the best one is on top"
        );
        assert_eq!(found["score"], sequences[0]["score"], "{what}");
    }
    compared
}

#[test]
fn run_prints_the_text_that_its_json_holds() {
    let image = image();
    let question = [
        "--image",
        image.as_str(),
        "--prompt",
        "What colour is the circle?",
    ];
    for options in [
        vec!["--max-new-tokens", "16"],
        vec!["--num-beams", "3"],
        vec![
            "--temperature",
            "1.5",
            "--top-k",
            "20",
            "--top-p",
            "0.9",
            "--seed",
            "5",
        ],
    ] {
        let arguments = [&question[..], &options].concat();
        let printed = with_model("run", &fixture(FIXTURE), &arguments).ok();
        let json = with_model(
            "run",
            &fixture(FIXTURE),
            &[&arguments[..], &["--json"]].concat(),
        )
        .json();
        assert_keys(
            &json,
            &[
                "text",
                "token_ids",
                "score",
                "visual_tokens",
                "timings_ms",
                "device",
            ],
        );
        assert_eq!(
            printed,
            format!("{}\n", json["text"].as_str().unwrap()),
            "{options:?}"
        );
    }
    let several = [
        &question[..],
        &["--num-beams", "3", "--num-return-sequences", "3"],
    ]
    .concat();
    let printed = with_model("run", &fixture(FIXTURE), &several).ok();
    let json = with_model(
        "run",
        &fixture(FIXTURE),
        &[&several[..], &["--json"]].concat(),
    )
    .json();
    let texts: Vec<&str> = json["sequences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["text"].as_str().unwrap())
        .collect();
    assert_eq!(printed, format!("{}\n", texts.join("\n")));
}

#[test]
fn texts_may_begin_with_a_hyphen() {
    let asked = |prompt: &str| {
        let arguments = ["--prompt", prompt, "--json"];
        with_model("run", &fixture(FIXTURE), &arguments).json()["score"].clone()
    };
    assert!(asked("-5 plus 3?").is_number());
    assert_ne!(asked("-5 plus 3?"), asked("5 plus 3?"));
    let target = ["--prompt", "-5 plus 3?", "--target", "-2", "--json"];
    let scored = with_model("score", &fixture(FIXTURE), &target).json();
    assert_eq!(scored["target"], "-2");
    let stop = ["--prompt", "x", "--stop", "-", "--json"];
    with_model("run", &fixture(FIXTURE), &stop).ok();
}

#[test]
fn a_stop_string_ends_the_text_before_it() {
    let image = image();
    let question = [
        "--image",
        image.as_str(),
        "--prompt",
        "What colour is the circle?",
        "--json",
    ];
    let whole = with_model("run", &fixture(FIXTURE), &question).json();
    let whole_text = whole["text"].as_str().unwrap();
    let middle = whole_text.chars().count() / 2;
    let stop: String = whole_text.chars().skip(middle).take(3).collect();
    let stopped = with_model(
        "run",
        &fixture(FIXTURE),
        &[&question[..], &["--stop", &stop]].concat(),
    )
    .json();
    assert_eq!(
        stopped["text"],
        whole_text[..whole_text.find(&stop).unwrap()]
    );
    let (stopped_ids, whole_ids) = (ids(&stopped["token_ids"]), ids(&whole["token_ids"]));
    assert!(stopped_ids.len() < whole_ids.len());
    assert_eq!(stopped_ids, whole_ids[..stopped_ids.len()]);
}

#[test]
fn seeds_repeat_and_differ() {
    let sample = |seed: &str| {
        let arguments = [
            "--prompt",
            "",
            "--image",
            &image(),
            "--temperature",
            "2",
            "--seed",
            seed,
            "--json",
        ];
        with_model("run", &fixture(FIXTURE), &arguments).json()["token_ids"].clone()
    };
    assert_eq!(sample("1"), sample("1"));
    assert!((2..6).any(|seed| sample(&seed.to_string()) != sample("1")));
}

#[test]
fn score_of_a_text_equals_the_score_of_generating_it() {
    let image = image();
    let prompt = ["--prompt", "What colour is the circle?", "--json"];
    let question = [&["--image", &image], &prompt[..]].concat();
    compare_scores(FIXTURE, &question);
    compare_scores("mt5-prompts", &prompt);
}

fn compare_scores(name: &str, question: &[&str]) {
    let folder = fixture(name);
    let file = folder.join("tokenizer.json");
    let tokenizer = Tokenizer::from_bytes("tokenizer.json", &std::fs::read(file).unwrap()).unwrap();
    // With length penalty 0 a beam's score is the plain sum of its tokens' log-probabilities.
    let options =
        "--num-beams 256 --num-return-sequences 256 --length-penalty 0 --max-new-tokens 2";
    let options: Vec<&str> = options.split(' ').collect();
    let generated = with_model("run", &folder, &[question, &options].concat()).json();
    let sequences = generated["sequences"].as_array().unwrap().iter();
    // A random model writes most texts in pieces that the tokenizer would not choose.
    let readable = sequences.filter(|sequence| {
        let again = tokenizer
            .encode(sequence["text"].as_str().unwrap())
            .unwrap();
        again
            .iter()
            .map(|&id| u64::from(id))
            .eq(ids(&sequence["token_ids"]))
    });
    let mut compared = 0;
    for sequence in readable.take(3) {
        let target = sequence["text"].as_str().unwrap();
        let scored = with_model(
            "score",
            &folder,
            &[question, &["--target", target]].concat(),
        )
        .json();
        assert_eq!(ids(&scored["token_ids"]), ids(&sequence["token_ids"]));
        let (found, expected) = (scored["score"].as_f64(), sequence["score"].as_f64());
        assert_near(found.unwrap(), expected.unwrap(), 1e-4, target);
        compared += 1;
    }
    assert!(compared >= 2, "{compared} texts compared");
}

#[test]
fn score_lists_every_token_and_the_sum() {
    let image = image();
    let arguments = [
        "--image",
        &image,
        "--prompt",
        "What colour is the circle?",
        "--target",
        "red circle",
    ];
    let json = with_model(
        "score",
        &fixture(FIXTURE),
        &[&arguments[..], &["--json"]].concat(),
    )
    .json();
    assert_keys(
        &json,
        &[
            "target",
            "token_ids",
            "tokens",
            "logprobs",
            "score",
            "visual_tokens",
            "timings_ms",
            "device",
        ],
    );
    let logprobs: Vec<f64> = json["logprobs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|x| x.as_f64().unwrap())
        .collect();
    assert_eq!(logprobs.len(), json["token_ids"].as_array().unwrap().len());
    assert_eq!(logprobs.len(), json["tokens"].as_array().unwrap().len());
    assert!(logprobs.iter().all(|&x| x < 0.0 && x.is_finite()));
    assert_eq!(
        json["token_ids"].as_array().unwrap().last().unwrap(),
        1,
        "the target ends with </s>"
    );
    assert_near(
        json["score"].as_f64().unwrap(),
        logprobs.iter().sum(),
        1e-4,
        "sum",
    );
    let printed = with_model("score", &fixture(FIXTURE), &arguments).ok();
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!(lines.len(), logprobs.len() + 1);
    let number = |line: &str| {
        line.split_whitespace()
            .next()
            .unwrap()
            .parse::<f64>()
            .unwrap()
    };
    for (line, logprob) in lines.iter().zip(&logprobs) {
        assert_near(number(line), *logprob, 1e-4, line);
    }
    assert_near(
        number(lines[lines.len() - 1]),
        json["score"].as_f64().unwrap(),
        1e-4,
        "printed sum",
    );
}

#[test]
fn encode_writes_the_references_tensors() {
    let expected = read_tensors(&fixture(FIXTURE).join("reference.safetensors"));
    let out = scratch("encode").join("out.safetensors");
    let image = image();
    let arguments = [
        "--image",
        image.as_str(),
        "--out",
        out.to_str().unwrap(),
        "--json",
    ];
    let prompt = ["--prompt", "What colour is the circle?"];
    let mut names = vec!["pixel_values", "visual_tokens", "projected_visual_tokens"];
    for with_prompt in [false, true] {
        let mut all = arguments.to_vec();
        if with_prompt {
            all.extend(prompt);
            names.push("encoder_last_hidden_state");
        }
        let json = with_model("encode", &fixture(FIXTURE), &all).json();
        let found = read_tensors(&out);
        assert_eq!(found.len(), names.len());
        for name in &names {
            let recorded = name.replace("encoder_last", "encoder.last");
            let (shape, values) = f32_tensor(&found, name);
            let (expected_shape, expected_values) = f32_tensor(&expected, &recorded);
            assert_eq!(shape, expected_shape, "{name}");
            assert_eq!(
                json["tensors"][name]["shape"],
                serde_json::json!(shape),
                "{name}"
            );
            let worst = values
                .iter()
                .zip(&expected_values)
                .map(|(a, b)| (a - b).abs())
                .fold(0.0_f32, f32::max);
            assert!(worst < 1e-4, "{name}: off by {worst}");
        }
    }
}

#[test]
fn inspect_counts_what_the_file_holds() {
    let tensors = read_tensors(&fixture(FIXTURE).join("model.safetensors"));
    let count = |prefix: &str| -> usize {
        let own = tensors.iter().filter(|t| t.0.starts_with(prefix));
        own.map(|t| t.2.iter().product::<usize>()).sum()
    };
    let folder = fixture(FIXTURE);
    let json = pali3(&["inspect", folder.to_str().unwrap(), "--json"]).json();
    assert_eq!(json["model_type"], "pali3");
    assert_eq!(json["problems"], serde_json::json!([]));
    assert_eq!(json["parameters"], count(""));
    let towers = json["towers"].as_array().unwrap();
    assert_eq!(towers.len(), 3);
    for tower in towers {
        let name = tower["name"].as_str().unwrap();
        let parameters = count(name);
        assert!(parameters > 0, "{name}");
        assert_eq!(tower["parameters"], parameters, "{name}");
        assert_eq!(tower["bytes"], parameters * 4, "{name}");
        assert_eq!(
            tower["dtypes"],
            serde_json::json!({"F32": parameters}),
            "{name}"
        );
    }
    let printed = pali3(&["inspect", folder.to_str().unwrap()]).ok();
    for word in [
        "vision_tower",
        "multi_modal_projector",
        "language_model",
        "F32",
        "no problems",
    ] {
        assert!(printed.contains(word), "no {word} in {printed}");
    }
}
