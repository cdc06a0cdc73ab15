//! The finished model folder, in the ecosystem's form, with a model card.

use super::evaluate::{Accuracy, Tally};
use super::trainer::Trainer;
use crate::checkpoint::save;
use crate::error::Result;
use crate::files;
use crate::formats::safetensors::ElementType;
use crate::formats::{Dtype, PartDtypes};
use crate::model_folder::write_json_files;
use crate::models::pali3;
use crate::scenes::{Colour, HELD_OUT_PAIRS, QuestionType, Shape};
use std::path::Path;

/// Writes the trained model's folder: `model.safetensors` (F16), the JSON files around it and the model card `README.md`.
///
/// # Errors
/// [`Error::Io`](crate::Error::Io) when a file cannot be written, [`Error::Device`](crate::Error::Device) when the weights
/// cannot be read.
pub fn write_model_folder(trainer: &Trainer, accuracy: &Accuracy, folder: &Path) -> Result<()> {
    let weights = folder.join("model.safetensors");
    let names = &pali3::names::NAMES;
    save(names, &trainer.model(), ElementType::F16, &weights)?;
    files::write(&folder.join("README.md"), model_card(trainer, accuracy))?;
    let dtypes = PartDtypes::all(Dtype::F32);
    write_json_files(folder, &trainer.recipe().config, &dtypes)
}

/// Markdown: a row for each type of question, one for all, and one for the pairs that training never shows.
pub fn accuracy_table(accuracy: &Accuracy) -> String {
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
         that head is not part of the model. All scenes are drawn by the code in `src/scenes`, with positions, \
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
        kinds = Colour::ALL.len() * Shape::ALL.len(),
        pairs = pairs.join(", "),
        table = accuracy_table(accuracy),
    )
}
