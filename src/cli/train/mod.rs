//! `pali3 train`: a run from its first step, or from its checkpoint, to the finished model folder.

mod samples;
#[cfg(all(test, feature = "testing"))]
mod tests;

use std::fmt::Display;
use std::path::{Path, PathBuf};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::out_folder::prepare;
use super::output;
use crate::error::{Error, Result};
use crate::files;
use crate::models::preset;
use crate::train::{Curve, Event, Recipe, Trainer, accuracy_table, write_model_folder};

/// Options of `pali3 train`.
#[derive(Debug, Clone, Args)]
pub(super) struct TrainArgs {
    /// Folder for the finished model, the learning curve and the checkpoint
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Continue the run whose checkpoint is in the folder, with its recipe
    #[arg(long)]
    resume: bool,
    /// Name of the model's size
    #[arg(long, value_name = "NAME")]
    preset: Option<String>,
    /// Seed of the weights and of the scenes
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Optimizer steps in all
    #[arg(long, value_name = "N")]
    steps: Option<usize>,
    /// How many of the steps, from the first on, train the vision tower alone, on patch labels
    #[arg(long, value_name = "N")]
    vision_steps: Option<usize>,
    /// Steps over which the learning rate grows at the start of each stage
    #[arg(long, value_name = "N")]
    warmup_steps: Option<usize>,
    /// Scenes in a batch
    #[arg(long, value_name = "N")]
    batch_size: Option<usize>,
    /// Questions about each scene
    #[arg(long, value_name = "N")]
    questions: Option<usize>,
    /// Largest learning rate
    #[arg(long, value_name = "X")]
    learning_rate: Option<f64>,
    /// Share of the learning rate by which matrices shrink at each step
    #[arg(long, value_name = "X")]
    weight_decay: Option<f64>,
    /// Most minutes of training; if the steps take longer, the learning rate ends there
    #[arg(long, value_name = "X")]
    minutes: Option<f64>,
    /// Steps between two checkpoints, each with a measurement on held-out scenes
    #[arg(long, value_name = "N")]
    evaluate_every: Option<usize>,
    /// Held-out scenes of the final measurement
    #[arg(long, value_name = "N", default_value_t = 2000)]
    final_scenes: usize,
    /// Print one line of JSON for each point of the curve, and one at the end
    #[arg(long)]
    json: bool,
}

impl TrainArgs {
    /// The recipe of a new run: what was given, and what has worked for the rest.
    fn recipe(&self) -> Result<Recipe> {
        let name = self.preset.as_deref().unwrap_or("pali3-tiny");
        let config = preset(name)
            .and_then(|preset| preset.pali3_config())
            .ok_or_else(|| {
                Error::option(
                    "preset",
                    format!("{name} is not a whole PaLI-3 model; try pali3-tiny"),
                )
            })?;
        let mut recipe = Recipe::new(config);
        let schedule = &mut recipe.schedule;
        put(self.steps, &mut schedule.steps);
        put(self.vision_steps, &mut schedule.vision_steps);
        put(self.warmup_steps, &mut schedule.warmup_steps);
        put(self.learning_rate, &mut schedule.learning_rate);
        schedule.minutes = self.minutes;
        put(self.seed, &mut recipe.seed);
        put(self.batch_size, &mut recipe.batch_size);
        put(self.questions, &mut recipe.questions);
        put(self.weight_decay, &mut recipe.weight_decay);
        put(self.evaluate_every, &mut recipe.evaluate_every);
        Ok(recipe)
    }

    /// A resumed run keeps its recipe; only its length may change. Anything else would silently be another run.
    fn check_unchanged(&self, recipe: &Recipe) -> Result<()> {
        let schedule = &recipe.schedule;
        same("seed", self.seed, recipe.seed)?;
        same("vision_steps", self.vision_steps, schedule.vision_steps)?;
        same("warmup_steps", self.warmup_steps, schedule.warmup_steps)?;
        same("batch_size", self.batch_size, recipe.batch_size)?;
        same("questions", self.questions, recipe.questions)?;
        same("learning_rate", self.learning_rate, schedule.learning_rate)?;
        same("weight_decay", self.weight_decay, recipe.weight_decay)?;
        same("evaluate_every", self.evaluate_every, recipe.evaluate_every)?;
        let running = recipe.preset().map_or("own size", |preset| preset.name);
        same("preset", self.preset.as_deref(), running)
    }
}

fn put<T>(given: Option<T>, default: &mut T) {
    if let Some(given) = given {
        *default = given;
    }
}

/// An option that is given with `--resume` has to be what the run has.
fn same<T: PartialEq + Display>(option: &str, given: Option<T>, running: T) -> Result<()> {
    match given {
        Some(given) if given != running => Err(Error::option(
            option,
            format!("{given} differs from the run's {running}"),
        )),
        _ => Ok(()),
    }
}

/// Trains, measures and writes the model folder.
///
/// # Errors
/// [`Error::InvalidOption`] for options that make no sense and for a folder that holds another run, [`Error::Io`] for files
/// that cannot be written, and those of [`Trainer::run`].
pub(super) fn train(args: &TrainArgs) -> Result<()> {
    if args.final_scenes == 0 {
        return Err(Error::option(
            "final_scenes",
            "0 is not allowed, expected at least 1",
        ));
    }
    let mut trainer = if args.resume {
        let mut trainer = Trainer::resume(&args.out)?;
        args.check_unchanged(trainer.recipe())?;
        trainer.reschedule(args.steps, args.minutes)?;
        trainer
    } else {
        let trainer = Trainer::new(args.recipe()?)?;
        prepare(
            &args.out,
            "continue that run with --resume, or choose another folder",
        )?;
        trainer
    };
    run(&mut trainer, args)?;

    eprintln!("measuring on {} held-out scenes", args.final_scenes);
    trainer.round_weights();
    let accuracy = trainer.evaluate(args.final_scenes)?;
    write_curve(trainer.curve(), &args.out)?;
    write_model_folder(&trainer, &accuracy, &args.out)?;
    samples::write(&args.out.join("samples"))?;
    match args.json {
        true => output::json(
            &serde_json::json!({ "event": "end", "step": trainer.step(), "accuracy": accuracy }),
        ),
        false => output::text(&accuracy_table(&accuracy)),
    }
}

fn run(trainer: &mut Trainer, args: &TrainArgs) -> Result<()> {
    const PARTS: u64 = 1000;
    let bar = ProgressBar::new(PARTS);
    if let Ok(style) = ProgressStyle::with_template("{wide_bar} {percent}% {msg} eta {eta}") {
        bar.set_style(style);
    }
    let mut tell = |event: Event| match event {
        Event::Step {
            step,
            progress,
            loss,
        } => {
            bar.set_position((progress * PARTS as f64) as u64);
            bar.set_message(format!("step {step} loss {loss:.3}"));
        }
        Event::Point(point) if args.json => {
            println!(
                "{}",
                serde_json::json!({ "event": "point", "point": point })
            );
        }
        Event::Point(point) => {
            let Some((all, by_type)) = point.accuracy else {
                return;
            };
            let [colour, shape, count, exists] = by_type;
            bar.suspend(|| {
                println!(
                    "step {} ({:.1} min): right {all:.3} (colour {colour:.3}, shape {shape:.3}, count {count:.3}, \
                     exists {exists:.3})",
                    point.step, point.minutes,
                );
            });
        }
    };
    // In slices, so that the curve can be looked at while the run goes on.
    while !trainer.is_done() {
        let slice = trainer.recipe().evaluate_every;
        trainer.run(&args.out, (trainer.step() / slice + 1) * slice, &mut tell)?;
        write_curve(trainer.curve(), &args.out)?;
    }
    bar.finish_and_clear();
    Ok(())
}

fn write_curve(curve: &Curve, folder: &Path) -> Result<()> {
    files::write(&folder.join("learning_curve.csv"), curve.to_csv())?;
    files::write(&folder.join("learning_curve.svg"), curve.to_svg())
}
