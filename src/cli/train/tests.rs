//! The command on a model small enough to be trained for a few steps.

use super::*;
use crate::compute::device::{DeviceKind, cpu};
use crate::files::ScratchFolder;
use crate::formats::DirFolder;
use clap::Parser;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    train: TrainArgs,
}

fn train_in(folder: &ScratchFolder, options: &str) -> crate::Result<()> {
    let out = folder.0.display().to_string();
    let words = ["train", "--out", &out]
        .into_iter()
        .chain(options.split_whitespace());
    train(&Line::try_parse_from(words).unwrap().train)
}

#[test]
fn a_run_leaves_a_folder_that_loads_and_answers() {
    let folder = ScratchFolder::new("command-folder");
    let short = "--steps 3 --vision-steps 1 --batch-size 2 --final-scenes 4 --seed 3";
    train_in(&folder, short).unwrap();
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
    train_in(&folder, "--resume --final-scenes 4").unwrap();
    assert_eq!(weights(), before);
    let error = train_in(&folder, "--resume --seed 4").unwrap_err();
    assert_eq!(error.to_string(), "option seed: 4 differs from the run's 3");
}

#[test]
fn options_that_make_no_sense_are_refused() {
    let folder = ScratchFolder::new("command-refused");
    for (options, word) in [
        ("--steps 0", "steps"),
        ("--batch-size 0", "batch_size"),
        ("--learning-rate nan", "learning_rate"),
        ("--minutes 0", "minutes"),
        ("--final-scenes 0", "final_scenes"),
        ("--preset g14", "preset"),
    ] {
        let error = train_in(&folder, options).unwrap_err();
        assert_eq!(error.code(), "InvalidOption", "{error}");
        assert!(error.to_string().contains(word), "{error}");
    }
    assert_eq!(
        train_in(&folder, "--resume").unwrap_err().code(),
        "NotFound"
    );
    let unknown = Line::try_parse_from(["train", "--out", "x", "--epochs", "3"]);
    assert!(unknown.is_err());
}

#[test]
fn a_recipe_s_command_gives_the_recipe() {
    for options in [
        "",
        "--preset pali3-5b --evaluate-every 7",
        "--seed 9007199254740993 --steps 12 --vision-steps 3 --warmup-steps 4 --batch-size 5 --questions 1 \
         --learning-rate 0.0003 --weight-decay 0 --minutes 1.5",
    ] {
        let parse = |words: &[&str]| Line::try_parse_from(words).unwrap().train;
        let mut words = vec!["train", "--out", "DIR"];
        words.extend(options.split_whitespace());
        let recipe = parse(&words).recipe().unwrap();
        let command = recipe.command();
        let again: Vec<&str> = command.split(' ').skip(1).collect();
        assert_eq!(parse(&again).recipe().unwrap(), recipe, "{command}");
        parse(&again).check_unchanged(&recipe).unwrap();
    }
}

#[test]
fn seeds_are_compared_to_the_last_digit() {
    let train = |seed: &str| {
        let words = ["train", "--out", "x", "--seed", seed];
        Line::try_parse_from(words).unwrap().train
    };
    // Neighbours that are one number as floats.
    let recipe = train("9007199254740993").recipe().unwrap();
    let other = train("9007199254740992").check_unchanged(&recipe);
    assert_eq!(
        other.unwrap_err().to_string(),
        "option seed: 9007199254740992 differs from the run's 9007199254740993"
    );
}

#[test]
fn a_folder_with_another_run_is_refused() {
    let folder = ScratchFolder::new("command-another");
    let file = folder.0.join("checkpoint.safetensors");
    std::fs::write(&file, b"of a run that took a week").unwrap();
    let error = train_in(&folder, "--steps 1 --batch-size 1").unwrap_err();
    assert_eq!(error.code(), "InvalidOption", "{error}");
    for words in ["checkpoint.safetensors", "--resume"] {
        assert!(error.to_string().contains(words), "{error}");
    }
    assert_eq!(std::fs::read(&file).unwrap(), b"of a run that took a week");
}
