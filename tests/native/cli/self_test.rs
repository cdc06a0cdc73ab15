//! `pali3 self-test`: written, passed, and failed where a number is wrong.

use std::path::Path;

use serde_json::{Value, json};

use super::support::*;

const FILE: &str = "self_test.json";

fn check(folder: &Path, more: &[&str]) -> Finished {
    with_model("self-test", folder, more)
}

/// Damages a file's JSON.
type Change<'a> = &'a dyn Fn(&mut Value);

fn committed(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("www/models")
        .join(name)
}

#[test]
fn committed_models_pass_their_own() {
    for name in ["pali3-tiny", "pali3-tiny-q4"] {
        let report = check(&committed(name), &["--json"]).json();
        assert_eq!(report["ok"], true, "{report}");
        let checks = report["checks"].as_array().unwrap();
        let names: Vec<&str> = checks.iter().map(|c| c["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["visual tokens", "logits", "best tokens"]);
        let printed = check(&committed(name), &[]).ok();
        assert_eq!(printed.matches("as expected").count(), 3, "{printed}");
    }
}

#[test]
fn what_is_written_passes_and_a_wrong_number_fails() {
    let folder = copy_of("pali3-prepend", "self-test");
    check(&folder, &[]).fails_with(&[FILE, "not found"]);
    check(&folder, &["--write", "--prompt", "how many are there?"]).ok();
    let file = folder.join(FILE);
    let text = std::fs::read(&file).unwrap();
    let test: Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(test["prompt"], "how many are there?");
    assert_eq!(test["steps"].as_array().unwrap().len(), 4);
    check(&folder, &[]).ok();

    let wrong = |change: Change| {
        std::fs::write(&file, &text).unwrap();
        edit_json(&file, change);
        check(&folder, &["--json"])
    };
    let far = |value: &mut Value| *value = json!(value.as_f64().unwrap() + 0.1);
    let cases: [(&str, Change); 4] = [
        ("visual tokens", &|test| {
            far(&mut test["visual_tokens"]["values"][7])
        }),
        ("logits", &|test| far(&mut test["steps"][3]["logits"][15])),
        ("best tokens", &|test| {
            far(&mut test["steps"][0]["top_logit"])
        }),
        // Other questions have other answers.
        ("logits", &|test| {
            test["prompt"] = json!("is the circle red?")
        }),
    ];
    for (name, change) in cases {
        let finished = wrong(change);
        let report: Value = serde_json::from_str(&finished.stdout).unwrap();
        assert_eq!(report["ok"], false);
        let failed = |check: &&Value| check["ok"] == false && check["name"] == name;
        let checks = report["checks"].as_array().unwrap();
        assert!(
            checks.iter().any(|check| failed(&check)),
            "{name}: {report}"
        );
        finished.fails_with(&["does not compute what"]);
    }
    wrong(&|test| test["visual_tokens"]["indices"][3] = json!(1 << 30)).fails_with(&["does not"]);
    wrong(&|test| test["vocabulary"][3] = json!(9999)).fails_with(&["another model"]);
    wrong(&|test| test["steps"][2]["logits"][0] = json!(null)).fails_with(&[FILE]);
    wrong(&|test| test["version"] = json!(2)).fails_with(&[FILE, "another version"]);
    wrong(&|test| test["picture"]["side"] = json!(0)).fails_with(&[FILE]);
    wrong(&|test| test["token_ids"] = json!([])).fails_with(&[FILE]);

    std::fs::write(&file, &text).unwrap();
    check(&folder, &["--dtype", "q4"]).fails_with(&["loaded in another form"]);
    check(&folder, &["--write", "--dtype", "q4"]).fails_with(&["--write"]);
}

#[test]
fn another_form_of_a_model_does_not_get_its_self_test() {
    let out = scratch("self-test-quantized");
    std::fs::write(out.join(FILE), "of what stood here before").unwrap();
    let (model, text) = (committed("pali3-tiny"), |path: &Path| {
        path.display().to_string()
    });
    pali3(&[
        "quantize",
        "--model",
        &text(&model),
        "--dtype",
        "q8",
        "--out",
        &text(&out),
    ])
    .ok();
    assert!(!out.join(FILE).exists());
    check(&out, &["--write"]).ok();
    check(&out, &[]).ok();
}
