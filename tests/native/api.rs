//! The library's calls on a fixture's model, on every device that there is.

use super::common::{devices, load, path};
use pali3::Result;
use pali3::compute::device::{DeviceKind, cpu};
use pali3::formats::DirFolder;
use pali3::generation::GenerationOptions;
use pali3::image::RgbImage;
use pali3::image::decode::decode;
use pali3::session::{EncodedImage, Load, LoadOptions, SELF_TEST, SelfTest, Session};
use pollster::block_on;

const FIXTURE: &str = "tests/fixtures/pali3-prepend";
const PROMPT: &str = "What colour is the circle?";

fn picture() -> RgbImage {
    let file = path(FIXTURE).join("image.png");
    decode(&std::fs::read(file).unwrap()).unwrap()
}

/// The same picture in other colours.
fn negative() -> RgbImage {
    let mut picture = picture();
    picture.data.iter_mut().for_each(|byte| *byte = !*byte);
    picture
}

fn answer(model: &Session, images: &[EncodedImage]) -> Vec<u32> {
    let options = GenerationOptions {
        max_new_tokens: 12,
        ..model.generation_options().unwrap().clone()
    };
    let output = block_on(model.generate(images, PROMPT, &options).unwrap().run()).unwrap();
    output.sequences[0].token_ids.clone()
}

fn message<T>(result: Result<T>) -> (&'static str, String) {
    let error = result.err().expect("an error");
    (error.code(), error.to_string())
}

#[test]
fn a_picture_kept_as_bytes_gives_the_same_answer() {
    for (device, kind) in devices() {
        let model = load(FIXTURE, &device, kind);
        let image = block_on(model.encode_image(&picture())).unwrap();
        assert_eq!(image.grid(), [4, 4]);
        let bytes = block_on(image.to_bytes()).unwrap();
        assert_eq!(bytes.len(), 32 + 4 * 16 * 24);
        let again = block_on(model.image_from_bytes(&bytes)).unwrap();
        assert_eq!(again.grid(), [4, 4]);
        let tokens = |image: &EncodedImage| block_on(image.visual_tokens()).unwrap();
        assert_eq!(tokens(&again), tokens(&image));
        let other = block_on(model.encode_image(&negative())).unwrap();
        let expected = answer(&model, &[image]);
        assert_eq!(answer(&model, &[again]), expected);
        assert_ne!(answer(&model, &[other]), expected, "the picture counts");
        let (code, text) = message(block_on(model.image_from_bytes(&bytes[..99])));
        assert_eq!(code, "InvalidInput");
        assert!(text.contains("expected 1536 bytes"), "{text}");
    }
}

#[test]
fn tokens_of_another_tower_and_pictures_of_another_model_are_refused() {
    let model = load(FIXTURE, &cpu(), DeviceKind::Cpu);
    // As wide, and with as many patches.
    let other = load("tests/fixtures/pali3-tied-no-bias", &cpu(), DeviceKind::Cpu);
    let image = block_on(other.encode_image(&picture())).unwrap();
    let bytes = block_on(image.to_bytes()).unwrap();
    let (code, text) = message(block_on(model.image_from_bytes(&bytes)));
    assert_eq!(code, "InvalidInput");
    assert!(text.contains("another model's vision tower"), "{text}");
    let own = block_on(model.encode_image(&picture())).unwrap();
    let options = model.generation_options().unwrap().clone();
    let (code, text) = message(model.generate(&[own, image], PROMPT, &options));
    assert_eq!(code, "InvalidInput");
    assert!(
        text.contains("picture 1 was encoded by another model"),
        "{text}"
    );
}

#[test]
fn several_pictures_stand_in_their_order() {
    let model = load(FIXTURE, &cpu(), DeviceKind::Cpu);
    let a = block_on(model.encode_image(&picture())).unwrap();
    let b = block_on(model.encode_image(&negative())).unwrap();
    let state = |images: &[EncodedImage]| {
        block_on(model.encoder_last_hidden_state(images, PROMPT)).unwrap()
    };
    let (shape, ab) = state(&[a.clone(), b.clone()]);
    assert_eq!(shape, [1, 2 * 16 + state(&[]).0[1], 32]);
    assert_ne!(state(&[b, a]).1, ab);
}

#[test]
fn every_target_is_scored_as_if_it_were_alone() {
    for (device, kind) in devices() {
        let model = load(FIXTURE, &device, kind);
        let images = [block_on(model.encode_image(&picture())).unwrap()];
        let targets = ["red", "a blue square", "no"].map(String::from);
        let score = |targets: &[String]| block_on(model.score(&images, PROMPT, targets));
        let together = score(&targets).unwrap();
        assert_eq!(together.len(), targets.len());
        for (scored, target) in together.iter().zip(&targets) {
            assert_eq!(&scored.text, target);
            assert_eq!(scored.token_ids.last(), Some(&1), "</s> counts");
            assert_eq!(scored.score, scored.logprobs.iter().sum::<f32>());
            let alone = score(std::slice::from_ref(target)).unwrap();
            assert_eq!(&alone[0], scored);
        }
        assert_eq!(message(score(&[])).0, "InvalidInput");
        let long = ["red".to_string(), "red ".repeat(2000)];
        assert_eq!(message(score(&long)).0, "InvalidInput");
    }
}

#[test]
fn attention_is_the_mean_of_the_references_probabilities() {
    let bytes = std::fs::read(path(FIXTURE).join("reference.safetensors")).unwrap();
    let recorded = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let tensor = |name: &str| recorded.tensor(name).unwrap();
    let ids = tensor("decoder_input_ids");
    let ids = ids.data().as_chunks().0.iter().skip(1);
    // The last token is seen by nobody.
    let ids: Vec<u32> = ids
        .map(|&b| i64::from_le_bytes(b) as u32)
        .chain([5])
        .collect();
    let mut expected = vec![];
    for layer in 0..2 {
        let weights = tensor(&format!("decoder.block.{layer}.cross_attention.weights"));
        let [1, heads, queries, keys] = weights.shape()[..] else {
            panic!("{:?}", weights.shape());
        };
        expected.resize(queries * keys, 0.0);
        let values = weights
            .data()
            .as_chunks()
            .0
            .iter()
            .map(|&b| f32::from_le_bytes(b));
        for (i, value) in values.enumerate() {
            expected[i % (queries * keys)] += value / (2 * heads) as f32;
        }
    }
    for (device, kind) in devices() {
        let model = load(FIXTURE, &device, kind);
        let image = block_on(model.encode_image(&picture())).unwrap();
        let images = std::slice::from_ref(&image);
        let attention = block_on(model.attention(images, PROMPT, &ids)).unwrap();
        assert_eq!(attention.visual_tokens, [16]);
        assert_eq!(
            attention.text_tokens * ids.len() + 16 * ids.len(),
            expected.len()
        );
        assert_eq!(attention.weights.len(), expected.len());
        for (found, expected) in attention.weights.iter().zip(&expected) {
            assert!(
                (found - expected).abs() < 1e-4,
                "{found} instead of {expected}"
            );
        }
        assert_eq!(
            attention.tokens.concat(),
            model.tokenizer().unwrap().decode(&ids, true).unwrap()
        );
        let two = [image.clone(), image];
        let attention = block_on(model.attention(&two, PROMPT, &[5, 1])).unwrap();
        assert_eq!(attention.visual_tokens, [16, 16]);
        assert_eq!(attention.tokens.len(), 2);
        for row in attention.weights.chunks(attention.weights.len() / 2) {
            assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-4);
        }
        for ids in [&[][..], &[96], &[u32::MAX]] {
            let (code, text) = message(block_on(model.attention(&[], PROMPT, ids)));
            assert_eq!(code, "InvalidInput", "{text}");
        }
    }
}

#[test]
fn warming_up_says_how_far_it_is() {
    for (device, kind) in devices() {
        for folder in [
            FIXTURE,
            "www/models/pali3-tiny-q4",
            "tests/fixtures/mt5-prompts",
        ] {
            let model = load(folder, &device, kind);
            let mut steps = vec![];
            block_on(model.warm_up(&mut |done, total| steps.push((done, total)))).unwrap();
            assert_eq!(steps, [(1, 4), (2, 4), (3, 4), (4, 4)]);
        }
    }
}

#[test]
fn a_language_model_alone_takes_no_pictures_and_goes_on_answering() {
    let pali3 = load(FIXTURE, &cpu(), DeviceKind::Cpu);
    let image = block_on(pali3.encode_image(&picture())).unwrap();
    let bytes = block_on(image.to_bytes()).unwrap();
    for (device, kind) in devices() {
        let model = load("tests/fixtures/mt5-prompts", &device, kind);
        assert_eq!(model.config().model_type(), "mt5");
        assert!(model.config().vision().is_none());
        assert_eq!(model.config().vocab_size(), 96);
        let before = answer(&model, &[]);
        let pixels = || pali3.preprocess(&picture()).unwrap();
        for (code, text) in [
            message(block_on(model.encode_image(&picture()))),
            message(block_on(model.encode_pixels(pixels()))),
            message(block_on(model.image_from_bytes(&bytes))),
            message(block_on(model.trace(&[picture()], PROMPT, &[5]))),
        ] {
            assert_eq!(code, "UnsupportedModel", "{text}");
            assert!(text.contains("model_type is mt5"), "{text}");
            assert!(text.contains("takes no pictures"), "{text}");
        }
        let options = model.generation_options().unwrap().clone();
        let (code, _) = message(model.generate(std::slice::from_ref(&image), PROMPT, &options));
        assert_eq!(code, "InvalidInput", "a picture of another model");
        assert_eq!(answer(&model, &[]), before);
        let attention = block_on(model.attention(&[], PROMPT, &before)).unwrap();
        assert!(attention.visual_tokens.is_empty());
        assert_eq!(
            attention.weights.len(),
            before.len() * attention.text_tokens
        );
    }
}

#[test]
fn every_device_computes_what_the_committed_self_tests_expect() {
    for (device, kind) in devices() {
        for folder in ["www/models/pali3-tiny", "www/models/pali3-tiny-q4"] {
            let file = std::fs::read(path(folder).join(SELF_TEST)).unwrap();
            let test = SelfTest::from_json(SELF_TEST, &file).unwrap();
            let model = load(folder, &device, kind);
            let report = block_on(model.self_test(&test)).unwrap();
            println!("{kind:?} {folder} {report:?}");
            assert!(report.ok, "{kind:?} {folder} {report:?}");
        }
    }
}

#[test]
fn siglip_warms_up_and_embeds_any_number_of_texts() {
    for (device, kind) in devices() {
        let folder = DirFolder::new(path("tests/fixtures/siglip-two-towers")).unwrap();
        let loaded = block_on(Session::load(Load {
            folder: &folder,
            device: &device,
            kind,
            options: &LoadOptions::default(),
            progress: &mut |_| (),
        }));
        let model = loaded.unwrap();
        let mut steps = vec![];
        block_on(model.warm_up(&mut |done, total| steps.push((done, total)))).unwrap();
        assert_eq!(steps, [(1, 2), (2, 2)]);
        // More than are embedded at once.
        let texts: Vec<String> = (0..20).map(|i| format!("{i} red shapes")).collect();
        let all = block_on(model.embed_texts(&texts)).unwrap();
        assert_eq!(all.len(), texts.len());
        for i in [0, 15, 16, 19] {
            let alone = block_on(model.embed_texts(&texts[i..=i])).unwrap();
            let largest = alone[0].iter().zip(&all[i]).map(|(a, b)| (a - b).abs());
            assert!(largest.fold(0.0, f32::max) < 1e-5);
            let length: f32 = all[i].iter().map(|x| x * x).sum();
            assert!((length - 1.0).abs() < 1e-5, "{length}");
        }
        assert_eq!(
            block_on(model.embed_texts(&[])).unwrap(),
            Vec::<Vec<f32>>::new()
        );
    }
}

#[test]
fn a_tensor_that_the_device_has_no_buffer_for_is_refused_by_name() {
    let load = |limit: u64, dtype: &str| {
        let folder = DirFolder::new(path("www/models/pali3-tiny")).unwrap();
        let options = LoadOptions {
            largest_buffer: Some(limit),
            dtype: Some(dtype.into()),
        };
        block_on(Session::load(Load {
            folder: &folder,
            device: &cpu(),
            kind: DeviceKind::Cpu,
            options: &options,
            progress: &mut |_| (),
        }))
    };
    // The tower's feed-forward layers are the largest: 512 by 128 floats.
    let largest = 4 * 512 * 128;
    assert!(load(largest, "auto").is_ok());
    let (code, text) = message(load(largest - 1, "auto"));
    assert_eq!(code, "WebGPUUnavailable");
    let words = "mlp.fc1.weight takes 262144 bytes on the device, which allows 262143";
    assert!(text.contains(words), "{text}");
    // In blocks they take an eighth; the patch embedding, which stays floats, is the largest then.
    assert!(load(largest - 1, "q4").is_ok());
    let (_, text) = message(load(98_303, "q4"));
    assert!(
        text.contains("patch_embedding.weight takes 98304 bytes"),
        "{text}"
    );
}
