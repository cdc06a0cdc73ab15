//! Options: their names, their ranges and the file that sets them.

use serde_json::{Value, json};

use super::*;

#[test]
fn options_are_checked_by_name() {
    let with = |value: Value| {
        Overrides::from_value(value).and_then(|o| GenerationOptions::default().with(&o))
    };
    for (value, expected) in [
        (
            json!({"maxNewToken": 3}),
            "option maxNewToken: unknown; did you mean maxNewTokens?",
        ),
        (
            json!({"max_new_tokens": 3}),
            "option max_new_tokens: unknown; did you mean maxNewTokens?",
        ),
        (
            json!({"zzz": 3}),
            "option zzz: unknown; expected one of maxNewTokens, ",
        ),
        (
            json!({"numBeams": "two"}),
            "option numBeams: invalid type: string \"two\"",
        ),
        (
            json!({"topK": -1}),
            "option topK: invalid value: integer `-1`",
        ),
        (
            json!({"earlyStopping": "maybe"}),
            "option earlyStopping: expected true, false or \"never\"",
        ),
        (
            json!({"stop": 3}),
            "option stop: expected a text or a list of texts",
        ),
        (json!(["numBeams"]), "option options: expected an object"),
        (
            json!({"maxNewTokens": 0}),
            "option max_new_tokens: expected 1 to 32768, found 0",
        ),
        (
            json!({"minNewTokens": 21}),
            "option min_new_tokens: expected at most max_new_tokens (20), found 21",
        ),
        (
            json!({"numBeams": 0}),
            "option num_beams: expected 1 to 256, found 0",
        ),
        (
            json!({"numReturnSequences": 2}),
            "option num_return_sequences: expected at most num_beams (1)",
        ),
        (
            json!({"numBeams": 2, "topP": 0.5}),
            "option num_beams: 2 beams cannot be combined with sampling",
        ),
        (
            json!({"doSample": false, "topP": 0.5}),
            "option top_p: has no effect without sampling",
        ),
        (
            json!({"temperature": 0}),
            "option temperature: expected a number above 0, found 0",
        ),
        (
            json!({"topP": 1.5}),
            "option top_p: expected 0 to 1, found 1.5",
        ),
        (
            json!({"repetitionPenalty": -1}),
            "option repetition_penalty: expected a number above 0, found -1",
        ),
        (
            json!({"stop": [""]}),
            "option stop: expected texts, found an empty one",
        ),
    ] {
        let message = with(value.clone()).unwrap_err().to_string();
        assert!(message.starts_with(expected), "{value}: {message}");
    }
    let options =
        with(json!({"stop": "x", "topK": 3, "seed": null, "earlyStopping": "never"})).unwrap();
    assert!(options.do_sample, "top_k asks for sampling");
    assert_eq!(options.stop, ["x"]);
    assert_eq!(options.early_stopping, EarlyStopping::Never);
    assert_eq!(
        with(json!({"stop": ["x", "y"], "earlyStopping": true}))
            .unwrap()
            .stop,
        ["x", "y"]
    );
    assert_eq!(with(json!({})).unwrap(), GenerationOptions::default());
}

#[test]
fn every_name_for_javascript_is_an_option() {
    for option in OPTIONS {
        let error = Overrides::from_value(json!({ option.camel_case(): {} }))
            .unwrap_err()
            .to_string();
        assert!(!error.contains("unknown"), "{error}");
    }
}

#[test]
fn generation_config_files_are_read_as_transformers_does() {
    let read = |value: Value| {
        GenerationOptions::default()
            .from_json("generation_config.json", value.to_string().as_bytes())
    };
    let options = read(json!({
        "_from_model_config": true, "transformers_version": "5.23.0", "use_cache": true, "typical_p": 1.0,
        "num_beam_groups": 1, "bad_words_ids": null, "suppress_tokens": [], "renormalize_logits": false,
        "max_length": 33, "min_length": 4, "eos_token_id": [1, 5], "decoder_start_token_id": 2, "top_k": null,
        "early_stopping": true, "stop_strings": "###", "pad_token_id": 0,
    }))
    .unwrap();
    assert_eq!(options.max_new_tokens, 32);
    assert_eq!(options.min_new_tokens, 3);
    assert_eq!(options.eos_token_ids, [1, 5]);
    assert_eq!(options.decoder_start_token_id, 2);
    assert_eq!(options.top_k, 50);
    assert_eq!(options.early_stopping, EarlyStopping::Yes);
    assert_eq!(options.stop, ["###"]);
    let both = read(json!({"max_length": 33, "max_new_tokens": 7})).unwrap();
    assert_eq!(both.max_new_tokens, 7);
    for (value, expected) in [
        (
            json!({"suppress_tokens": [3]}),
            "generation_config.json: suppress_tokens is [3], expected null",
        ),
        (
            json!({"num_beam_groups": 2}),
            "generation_config.json: num_beam_groups is 2, expected 1 or null",
        ),
        (
            json!({"num_beams": "4"}),
            "generation_config.json: num_beams is \"4\", expected a count",
        ),
        (
            json!({"eos_token_id": [1, -1]}),
            "generation_config.json: eos_token_id is [1,-1], expected a token id or",
        ),
    ] {
        let message = read(value).unwrap_err().to_string();
        assert!(message.starts_with(expected), "{message}");
    }
    let error = GenerationOptions::default()
        .from_json("generation_config.json", b"[1")
        .unwrap_err();
    assert_eq!(error.code(), "Integrity");
}
