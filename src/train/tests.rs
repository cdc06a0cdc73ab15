//! The training loop on a model small enough to learn something within seconds.

use super::*;
use crate::files::ScratchFolder;
use crate::models::Pali3Config;
use crate::models::siglip::SiglipVisionConfig;
use crate::models::t5::{FeedForwardProj, T5Config};

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
        vocab_size: crate::scenes::tokenizer::VOCAB_SIZE,
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

fn ignore(_: trainer::Event) {}

#[test]
fn the_loss_falls_and_a_resumed_run_goes_on_as_if_never_stopped() {
    let (whole, half) = (
        ScratchFolder::new("train-whole"),
        ScratchFolder::new("train-half"),
    );
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
    let weights = |folder: &ScratchFolder| {
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

    let folder = ScratchFolder::new("train-bad");
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
