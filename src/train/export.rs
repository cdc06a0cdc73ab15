//! The finished model folder, in the ecosystem's form, with a model card.

use super::cli::write_file;
use super::evaluate::{Accuracy, Tally};
use super::scenes::{HELD_OUT_PAIRS, QuestionType};
use super::tokenizer::tokenizer_json;
use super::trainer::Trainer;
use crate::error::{Error, Result};
use crate::formats::safetensors::ElementType;
use crate::models::{ModelConfig, pali3};
use serde_json::{Value, json};
use std::path::Path;

/// Writes `config.json`, `preprocessor_config.json`, `generation_config.json`, `tokenizer.json`, `model.safetensors`
/// (F16) and the model card `README.md`.
///
/// # Errors
/// [`Error::Io`] when a file cannot be written, [`Error::Device`] when the weights cannot be read.
pub(super) fn model_folder(trainer: &Trainer, accuracy: &Accuracy, folder: &Path) -> Result<()> {
    for (name, text) in json_files(&trainer.recipe().config)? {
        write_file(&folder.join(name), text)?;
    }
    let weights = folder.join("model.safetensors");
    let names = &pali3::names::NAMES;
    crate::checkpoint::save(names, &trainer.model(), ElementType::F16, &weights)?;
    write_file(&folder.join("README.md"), model_card(trainer, accuracy))
}

/// Name and text of the files around the weights of a model that uses this crate's own tokenizer.
///
/// # Errors
/// [`Error::Corrupt`] for a configuration that JSON cannot hold: numbers that are none.
pub(crate) fn json_files(config: &dyn ModelConfig) -> Result<Vec<(&'static str, String)>> {
    let mut files = vec![
        ("config.json", pretty(&config.to_json()?)?),
        ("tokenizer.json", pretty(&tokenizer_json())?),
    ];
    if let Some(vision) = config.vision() {
        let text = pretty(&preprocessor_json(vision.image_size))?;
        files.push(("preprocessor_config.json", text));
    }
    if let Some(prompts) = config.prompts() {
        let generation = json!({
            "decoder_start_token_id": prompts.decoder_start_token_id,
            "eos_token_id": prompts.eos_token_id,
            "pad_token_id": prompts.pad_token_id,
            "max_new_tokens": 8,
        });
        files.push(("generation_config.json", pretty(&generation)?));
    }
    Ok(files)
}

/// SigLIP's way with pictures, to a square of that many pixels a side.
fn preprocessor_json(side: usize) -> Value {
    let half = [0.5, 0.5, 0.5];
    json!({
        "do_convert_rgb": true,
        "do_resize": true,
        "do_rescale": true,
        "do_normalize": true,
        "size": { "height": side, "width": side },
        // Pillow's number for bicubic, as SigLIP has it.
        "resample": 3,
        "rescale_factor": 1.0 / 255.0,
        "image_mean": half,
        "image_std": half,
        "image_processor_type": "SiglipImageProcessor",
    })
}

fn pretty(value: &Value) -> Result<String> {
    let text =
        serde_json::to_string_pretty(value).map_err(|error| Error::corrupt("JSON", error))?;
    Ok(text + "\n")
}

/// Markdown: a row for each type of question, one for all, and one for the pairs that training never shows.
pub(super) fn accuracy_table(accuracy: &Accuracy) -> String {
    let mut table = String::from(
        "| questions | asked | right | majority answer | right by always saying it |\n|---|---|---|---|---|\n",
    );
    let row = |name: &str, tally: &Tally| {
        let (answer, share) = tally.majority();
        format!(
            "| {name} | {} | {:.3} | {answer} | {share:.3} |\n",
            tally.asked,
            tally.share()
        )
    };
    for (kind, tally) in QuestionType::ALL.into_iter().zip(&accuracy.by_type) {
        table.push_str(&row(kind.name(), tally));
    }
    table.push_str(&row("all", &accuracy.all));
    table.push_str(&row(
        "of these, about a pair never trained",
        &accuracy.held_out_pairs,
    ));
    table
}

fn model_card(trainer: &Trainer, accuracy: &Accuracy) -> String {
    let recipe = trainer.recipe();
    let pairs: Vec<String> = HELD_OUT_PAIRS
        .iter()
        .map(|(colour, shape)| format!("{} {}", colour.name(), shape.name()))
        .collect();
    format!(
        "# pali3-tiny\n\n\
         A PaLI-3 (SigLIP tower, linear projection, UL2/T5 1.1 encoder-decoder) small enough for any browser: \
         {parameters} parameters, stored as F16. It answers questions about drawings of one to five coloured shapes: \
         which colour, which shape, how many, is there a …. It knows nothing else.\n\n\
         ## How it was made\n\n\
         From random weights, by this command, on the processor:\n\n\
         ```\n{command}\n```\n\n\
         Seed {seed}; {steps} steps of {batch} scenes with {questions} questions each, {minutes:.0} minutes. The first \
         {vision} steps train the vision tower alone on labels of its patches (colour and shape of what lies there); \
         that head is not part of the model. All scenes are drawn by the code in `src/train/scenes`, with positions, \
         sizes, rotations, backgrounds, clutter and noise that vary; none is stored. `learning_curve.csv` and \
         `learning_curve.svg` show the run.\n\n\
         ## How well it answers\n\n\
         On {scenes} held-out scenes, whose random stream no training uses, drawn with all {kinds} colour-shape pairs. \
         {pairs} never appear in training.\n\n\
         {table}\n\
         Licence: MIT OR Apache-2.0, as the code.\n",
        command = recipe.command(),
        parameters = trainer.parameters(),
        seed = recipe.seed,
        steps = trainer.step(),
        batch = recipe.batch_size,
        questions = recipe.questions,
        minutes = trainer.minutes(),
        vision = recipe.schedule.vision_steps,
        scenes = accuracy.scenes,
        kinds = super::scenes::Colour::ALL.len() * super::scenes::Shape::ALL.len(),
        pairs = pairs.join(", "),
        table = accuracy_table(accuracy),
    )
}
