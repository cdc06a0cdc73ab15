//! The training loop on a model small enough to learn something within seconds.

use super::*;
use crate::models::Pali3Config;
use crate::models::siglip::SiglipVisionConfig;
use crate::models::t5::{FeedForwardProj, T5Config};
use std::path::PathBuf;

/// 16 patches, one layer of each kind.
fn tiny_config() -> Pali3Config {
    let vision = SiglipVisionConfig {
        hidden_size: 32,
        intermediate_size: 64,
        num_hidden_layers: 1,
        num_attention_heads: 2,
        image_size: 32,
        patch_size: 8,
        vision_use_head: false,
        ..Default::default()
    };
    let text = T5Config {
        vocab_size: tokenizer::VOCAB_SIZE,
        d_model: 32,
        d_kv: 16,
        d_ff: 48,
        num_heads: 2,
        num_layers: 1,
        num_decoder_layers: Some(1),
        feed_forward_proj: FeedForwardProj::GatedGelu,
        tie_word_embeddings: Some(false),
        ..Default::default()
    };
    Pali3Config::new(vision, text)
}

fn recipe(steps: usize) -> Recipe {
    Recipe {
        config: tiny_config(),
        seed: 5,
        batch_size: 8,
        questions: 2,
        weight_decay: 0.01,
        max_gradient_norm: 1.0,
        patch_loss_weight: 1.0,
        schedule: Schedule {
            steps,
            vision_steps: 5,
            warmup_steps: 5,
            learning_rate: 3e-3,
            minutes: None,
        },
        evaluate_every: 20,
        evaluation_scenes: 20,
    }
}

/// An empty folder of a test's own, gone at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("pali3-train-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn ignore(_: trainer::Event) {}

#[test]
fn the_loss_falls_and_a_resumed_run_goes_on_as_if_never_stopped() {
    let (whole, half) = (Folder::new("whole"), Folder::new("half"));
    let mut trainer = Trainer::new(recipe(60)).unwrap();
    let mut losses = vec![];
    let mut note = |event: trainer::Event| {
        if let trainer::Event::Step { loss, .. } = event {
            losses.push(loss);
        }
    };
    trainer.run(&half.0, 20, &mut note).unwrap();
    let mut resumed = Trainer::resume(&half.0).unwrap();
    assert_eq!(resumed.step(), 20);
    trainer.run(&whole.0, 60, &mut note).unwrap();
    assert!(trainer.is_done());
    assert_eq!(losses.len(), 60);

    // Step 5 is the first with answers, whose loss starts near ln(vocabulary).
    let mean = |range: std::ops::Range<usize>| {
        losses[range.clone()].iter().sum::<f32>() / range.len() as f32
    };
    assert!(mean(5..8) > 3.0, "{losses:?}");
    assert!(mean(50..60) < 0.5 * mean(5..8), "{losses:?}");
    let patches: Vec<f32> = trainer
        .curve()
        .points
        .iter()
        .map(|p| p.patch_loss)
        .collect();
    assert!(patches.last() < patches.first(), "{patches:?}");

    resumed.run(&half.0, 60, &mut ignore).unwrap();
    let weights = |folder: &Folder| {
        let bytes = std::fs::read(folder.0.join("checkpoint.safetensors")).unwrap();
        let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let mut tensors: Vec<(String, Vec<u8>)> = tensors
            .iter()
            .map(|(name, view)| (name.to_string(), view.data().to_vec()))
            .collect();
        tensors.sort();
        tensors
    };
    let (expected, found) = (weights(&whole), weights(&half));
    assert!(expected.len() > 50);
    assert!(expected == found, "a resumed run ends with other weights");
    let without_time = |trainer: &Trainer| {
        let mut points = trainer.curve().points.clone();
        points.iter_mut().for_each(|point| point.minutes = 0.0);
        points
    };
    assert_eq!(without_time(&trainer), without_time(&resumed));
}

#[test]
fn bad_recipes_and_checkpoints_are_told_apart() {
    let code = |recipe: Recipe| Trainer::new(recipe).err().map(|error| error.to_string());
    assert_eq!(
        code(recipe(0)).unwrap(),
        "option steps: 0 is not allowed, expected at least 1"
    );
    let mut wrong = recipe(10);
    wrong.schedule.learning_rate = f64::NAN;
    assert!(code(wrong).unwrap().contains("learning_rate"));
    let mut wrong = recipe(10);
    wrong.config.text_config.vocab_size = 64;
    assert!(code(wrong).unwrap().contains("vocabulary of 64"));

    let folder = Folder::new("bad");
    let error = Trainer::resume(&folder.0).err().unwrap();
    assert_eq!(error.code(), "NotFound");
    let file = folder.0.join("checkpoint.safetensors");
    std::fs::write(&file, b"not a checkpoint at all").unwrap();
    assert_eq!(
        Trainer::resume(&folder.0).err().unwrap().code(),
        "Integrity"
    );
    let mut trainer = Trainer::new(recipe(1)).unwrap();
    trainer.run(&folder.0, 1, &mut ignore).unwrap();
    let bytes = std::fs::read(&file).unwrap();
    std::fs::write(&file, &bytes[..bytes.len() - 100]).unwrap();
    assert_eq!(
        Trainer::resume(&folder.0).err().unwrap().code(),
        "Integrity"
    );
}

#[cfg(all(feature = "cli", feature = "testing"))]
mod command_line {
    use super::*;
    use crate::compute::device::{DeviceKind, cpu};
    use crate::formats::DirFolder;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        train: cli::TrainArgs,
    }

    fn train(folder: &Folder, options: &str) -> crate::Result<()> {
        let out = folder.0.display().to_string();
        let words = ["train", "--out", &out]
            .into_iter()
            .chain(options.split_whitespace());
        cli::run(&Line::try_parse_from(words).unwrap().train)
    }

    #[test]
    fn a_run_leaves_a_folder_that_loads_and_answers() {
        let folder = Folder::new("folder");
        let short = "--steps 3 --vision-steps 1 --batch-size 2 --final-scenes 4 --seed 3";
        train(&folder, short).unwrap();
        for file in [
            "README.md",
            "learning_curve.csv",
            "learning_curve.svg",
            "samples/samples.json",
        ] {
            assert!(folder.0.join(file).is_file(), "{file}");
        }
        let card = std::fs::read_to_string(folder.0.join("README.md")).unwrap();
        assert!(
            card.contains("--seed 3 --steps 3 --vision-steps 1"),
            "{card}"
        );
        let picture = std::fs::read(folder.0.join("samples/scene-1.png")).unwrap();
        let picture = crate::image::decode::decode(&picture).unwrap();
        assert_eq!((picture.width, picture.height), (256, 256));
        pollster::block_on(async {
            let source = DirFolder::new(&folder.0).unwrap();
            let device = cpu();
            let model = crate::testing::load(&source, &device, DeviceKind::Cpu);
            let model = model.await.unwrap();
            let image = model.encode_image(&picture).await.unwrap();
            let options = model.generation_options().unwrap().clone();
            let mut answer = model
                .generate(&[image], "is there a ring?", &options)
                .unwrap();
            while answer.step().await.unwrap().is_some() {}
        });
        // The run is over: resuming it measures and writes again, and changes nothing else.
        let weights = || std::fs::read(folder.0.join("model.safetensors")).unwrap();
        let before = weights();
        train(&folder, "--resume --final-scenes 4").unwrap();
        assert_eq!(weights(), before);
        let error = train(&folder, "--resume --seed 4").unwrap_err();
        assert_eq!(error.to_string(), "option seed: 4 differs from the run's 3");
    }

    #[test]
    fn options_that_make_no_sense_are_refused() {
        let folder = Folder::new("refused");
        for (options, word) in [
            ("--steps 0", "steps"),
            ("--batch-size 0", "batch_size"),
            ("--learning-rate nan", "learning_rate"),
            ("--minutes 0", "minutes"),
            ("--final-scenes 0", "final_scenes"),
            ("--preset g14", "preset"),
        ] {
            let error = train(&folder, options).unwrap_err();
            assert_eq!(error.code(), "InvalidOption", "{error}");
            assert!(error.to_string().contains(word), "{error}");
        }
        assert_eq!(train(&folder, "--resume").unwrap_err().code(), "NotFound");
        let unknown = Line::try_parse_from(["train", "--out", "x", "--epochs", "3"]);
        assert!(unknown.is_err());
    }
}
