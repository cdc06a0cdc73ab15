//! The command-line face: `pali3 train`.

use super::recipe::Recipe;
use super::trainer::{Event, Trainer};
use super::{Schedule, export, samples};
use crate::error::{Error, Result};
use crate::models::preset;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use std::path::{Path, PathBuf};

/// Train pali3-tiny from nothing on questions about drawn scenes
#[derive(Debug, Clone, Args)]
pub struct TrainArgs {
    /// Folder for the finished model, the learning curve and the checkpoint
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Continue the run whose checkpoint is in the folder, with its recipe
    #[arg(long)]
    pub resume: bool,
    /// Size of the model, by its name
    #[arg(long, value_name = "NAME")]
    pub preset: Option<String>,
    /// Seed of the weights and of the scenes
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Optimizer steps in all
    #[arg(long, value_name = "N")]
    pub steps: Option<usize>,
    /// The first of them, in which the vision tower learns alone from patch labels
    #[arg(long, value_name = "N")]
    pub vision_steps: Option<usize>,
    /// Steps over which the learning rate grows at the start of each stage
    #[arg(long, value_name = "N")]
    pub warmup_steps: Option<usize>,
    /// Scenes in a batch
    #[arg(long, value_name = "N")]
    pub batch_size: Option<usize>,
    /// Questions about each scene
    #[arg(long, value_name = "N")]
    pub questions: Option<usize>,
    /// Largest learning rate
    #[arg(long, value_name = "X")]
    pub learning_rate: Option<f64>,
    /// Share of the learning rate by which matrices shrink at each step
    #[arg(long, value_name = "X")]
    pub weight_decay: Option<f64>,
    /// Time budget: the learning rate reaches its end after so many minutes if the steps last longer
    #[arg(long, value_name = "X")]
    pub minutes: Option<f64>,
    /// Checkpoint and measure after every so many steps
    #[arg(long, value_name = "N")]
    pub evaluate_every: Option<usize>,
    /// Held-out scenes of the last measurement
    #[arg(long, value_name = "N", default_value_t = 2000)]
    pub final_scenes: usize,
    /// Print one line of JSON for each point of the curve, and one at the end
    #[arg(long)]
    pub json: bool,
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
        Ok(Recipe {
            config,
            seed: self.seed.unwrap_or(1),
            batch_size: self.batch_size.unwrap_or(16),
            questions: self.questions.unwrap_or(4),
            weight_decay: self.weight_decay.unwrap_or(0.01),
            max_gradient_norm: 1.0,
            patch_loss_weight: 1.0,
            schedule: Schedule {
                steps: self.steps.unwrap_or(6000),
                vision_steps: self.vision_steps.unwrap_or(2000),
                warmup_steps: self.warmup_steps.unwrap_or(100),
                learning_rate: self.learning_rate.unwrap_or(1e-3),
                minutes: self.minutes,
            },
            evaluate_every: self.evaluate_every.unwrap_or(500),
            evaluation_scenes: 500,
        })
    }

    /// A resumed run keeps its recipe; only its length may change. Anything else would silently be another run.
    fn check_unchanged(&self, recipe: &Recipe) -> Result<()> {
        let wanted = [
            ("seed", self.seed.map(|v| v as f64), recipe.seed as f64),
            (
                "vision_steps",
                self.vision_steps.map(|v| v as f64),
                recipe.schedule.vision_steps as f64,
            ),
            (
                "warmup_steps",
                self.warmup_steps.map(|v| v as f64),
                recipe.schedule.warmup_steps as f64,
            ),
            (
                "batch_size",
                self.batch_size.map(|v| v as f64),
                recipe.batch_size as f64,
            ),
            (
                "questions",
                self.questions.map(|v| v as f64),
                recipe.questions as f64,
            ),
            (
                "learning_rate",
                self.learning_rate,
                recipe.schedule.learning_rate,
            ),
            ("weight_decay", self.weight_decay, recipe.weight_decay),
            (
                "evaluate_every",
                self.evaluate_every.map(|v| v as f64),
                recipe.evaluate_every as f64,
            ),
        ];
        for (option, given, running) in wanted {
            if let Some(given) = given.filter(|&given| given != running) {
                return Err(Error::option(
                    option,
                    format!("{given} differs from the run's {running}"),
                ));
            }
        }
        if self.preset.is_some() {
            return Err(Error::option(
                "preset",
                "a resumed run keeps its model: leave it out",
            ));
        }
        Ok(())
    }
}

/// Trains, measures and writes the model folder.
///
/// # Errors
/// [`Error::InvalidOption`] for options that make no sense, [`Error::Io`] for files that cannot be written, and those
/// of [`Trainer::run`].
pub fn run(args: &TrainArgs) -> Result<()> {
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
        Trainer::new(args.recipe()?)?
    };
    create_folder(&args.out)?;
    train(&mut trainer, args)?;

    eprintln!("measuring on {} held-out scenes", args.final_scenes);
    trainer.round_weights();
    let accuracy = trainer.evaluate(args.final_scenes)?;
    write_curve(&trainer, &args.out)?;
    export::model_folder(&trainer, &accuracy, &args.out)?;
    samples::write(&args.out.join("samples"))?;
    if args.json {
        print_json(
            &serde_json::json!({ "event": "end", "step": trainer.step(), "accuracy": accuracy }),
        );
    } else {
        print!("{}", export::accuracy_table(&accuracy));
    }
    Ok(())
}

fn train(trainer: &mut Trainer, args: &TrainArgs) -> Result<()> {
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
            print_json(&serde_json::json!({ "event": "point", "point": point }));
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
        write_curve(trainer, &args.out)?;
    }
    bar.finish_and_clear();
    Ok(())
}

fn print_json(value: &serde_json::Value) {
    println!("{value}");
}

fn write_curve(trainer: &Trainer, folder: &Path) -> Result<()> {
    write_file(&folder.join("learning_curve.csv"), trainer.curve().to_csv())?;
    write_file(&folder.join("learning_curve.svg"), trainer.curve().to_svg())
}

fn io_error(path: &Path, error: &std::io::Error) -> Error {
    Error::Io {
        file: path.display().to_string(),
        problem: error.to_string(),
    }
}

pub(super) fn write_file(path: &Path, contents: impl AsRef<[u8]>) -> Result<()> {
    std::fs::write(path, contents).map_err(|error| io_error(path, &error))
}

pub(super) fn create_folder(path: &Path) -> Result<()> {
    std::fs::create_dir_all(path).map_err(|error| io_error(path, &error))
}
