//! `pali3 inspect`: what a model folder holds and what is wrong with it, from its headers alone.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::output;
use crate::checkpoint::{Checkpoint, Entry, Slot};
use crate::compute::device;
use crate::error::{Error, Result};
use crate::formats::safetensors::ElementType;
use crate::formats::{DirFolder, ModelFolder};
use crate::generation::GenerationOptions;
use crate::image::ImageProcessor;
use crate::models::{ModelConfig, pali3};
use crate::session::folder::{
    empty_model, open_checkpoint, read_config, read_generation, read_tokenizer,
};
use crate::tokenizer::Tokenizer;

/// Options of `pali3 inspect`.
#[derive(Debug, Args)]
pub(super) struct InspectArgs {
    /// Model folder
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Print one line of JSON instead of text
    #[arg(long)]
    json: bool,
}

/// What a set of tensors adds up to.
#[derive(Debug, Default, Serialize)]
struct Sum {
    tensors: usize,
    parameters: usize,
    bytes: u64,
    /// Parameters by element type.
    dtypes: BTreeMap<String, usize>,
}

#[derive(Debug, Serialize)]
struct Tower {
    name: &'static str,
    #[serde(flatten)]
    sum: Sum,
}

#[derive(Debug, Serialize)]
struct Report {
    model_type: Option<String>,
    towers: Vec<Tower>,
    #[serde(flatten)]
    all: Sum,
    files: Vec<String>,
    problems: Vec<String>,
}

/// Runs the command.
///
/// # Errors
/// [`Error::NotFound`] for a missing folder, [`Error::Corrupt`] when problems were found; they have been printed then.
pub(super) fn inspect(args: &InspectArgs) -> Result<()> {
    let folder = DirFolder::new(&args.folder)?;
    let report = pollster::block_on(examine(&folder));
    if args.json {
        output::json(&report)?;
    } else {
        output::text(&report.to_string())?;
    }
    if report.problems.is_empty() {
        return Ok(());
    }
    Err(Error::corrupt(
        args.folder.display().to_string(),
        format!(
            "{} found: {}",
            problem_count(&report.problems),
            report.problems.join("; ")
        ),
    ))
}

async fn examine(folder: &DirFolder) -> Report {
    let mut problems = Vec::new();
    let config = note(&mut problems, read_config(folder).await);
    let config = config.as_deref();
    if let Err(error) = read_the_rest(folder, config, &mut problems).await {
        problems.push(error);
    }
    // Without a configuration that can be read, the tensors are looked at as PaLI-3's.
    let family = config.map_or(&pali3::FAMILY, |config| config.family());
    let opened = match config {
        Some(config) => open_checkpoint(folder, config).await,
        None => Checkpoint::open(folder, &family.names).await,
    };
    let checkpoint = note(&mut problems, opened);
    let mut places = vec![];
    if let (Some(config), Some(checkpoint)) = (config, &checkpoint) {
        // Parameters of an empty model take no memory: only their names and shapes are asked for.
        let (file, device) = (folder.describe("config.json"), device::for_shapes());
        let model = empty_model(config, &file, checkpoint, &config.dtypes(), &device);
        if let Some(model) = note(&mut problems, model) {
            places = model.slots();
            problems.extend(checkpoint.problems(&places));
        }
    }
    let entries = checkpoint.as_ref().map_or(&[][..], Checkpoint::entries);
    let mut files: Vec<String> = entries.iter().map(|entry| entry.file.clone()).collect();
    files.dedup();
    Report {
        towers: family
            .parts
            .iter()
            .map(|&name| Tower {
                name,
                sum: Sum::of(
                    entries
                        .iter()
                        .filter(|entry| entry.published.starts_with(name)),
                    &places,
                ),
            })
            .collect(),
        model_type: config.map(|config| config.model_type().to_string()),
        all: Sum::of(entries.iter(), &places),
        files,
        problems: problems.iter().flat_map(lines).collect(),
    }
}

/// The files beside configuration and weights. Each problem is noted, so that one does not hide the next.
async fn read_the_rest(
    folder: &DirFolder,
    config: Option<&dyn ModelConfig>,
    problems: &mut Vec<Error>,
) -> Result<()> {
    let name = "preprocessor_config.json";
    if let Some(bytes) = folder.read(name).await? {
        note(
            problems,
            ImageProcessor::from_json(&folder.describe(name), &bytes),
        );
    }
    let name = "generation_config.json";
    match config.and_then(|config| Some((config.prompts()?, config.vocab_size()))) {
        Some((prompts, vocab_size)) => {
            note(
                problems,
                read_generation(folder, &prompts, vocab_size).await,
            );
        }
        None => {
            if let Some(bytes) = folder.read(name).await? {
                let defaults = GenerationOptions::default();
                note(problems, defaults.from_json(&folder.describe(name), &bytes));
            }
        }
    }
    match config {
        Some(config) => read_tokenizer(folder, config.vocab_size()).await.map(drop),
        None => {
            let name = "tokenizer.json";
            let bytes = folder.require(name).await?;
            Tokenizer::from_bytes(&folder.describe(name), &bytes).map(drop)
        }
    }
}

fn note<T>(problems: &mut Vec<Error>, result: Result<T>) -> Option<T> {
    result.map_err(|error| problems.push(error)).ok()
}

/// One line for each problem; lists of tensors, which messages cut short, in full.
fn lines(problem: &Error) -> Vec<String> {
    let each = |file: &str, what: &str, tensors: &[String]| {
        tensors
            .iter()
            .map(|tensor| format!("{file}: {what}: {tensor}"))
            .collect()
    };
    match problem {
        Error::MissingTensors { file, tensors } => each(file, "missing", tensors),
        Error::LeftoverTensors { file, tensors } => each(file, "left over", tensors),
        other => vec![other.to_string()],
    }
}

fn problem_count(problems: &[String]) -> String {
    match problems.len() {
        0 => "no problems".to_string(),
        1 => "1 problem".to_string(),
        n => format!("{n} problems"),
    }
}

impl Sum {
    /// `places`: those of the model, which know what a matrix in blocks stands for.
    fn of<'a>(entries: impl Iterator<Item = &'a Entry>, places: &[Slot]) -> Self {
        let places: HashMap<&str, &Slot> = places.iter().map(|p| (p.name.as_str(), p)).collect();
        let mut sum = Self::default();
        for entry in entries {
            let place = places.get(entry.published.as_str());
            sum.tensors += 1;
            sum.bytes += entry.bytes();
            let (dtype, parameters) = match (&entry.dtype, place.map(|p| (p.format, p.len()))) {
                // Its scales are no parameters of their own.
                (Ok(ElementType::U32), Some((Some(format), len))) => (format.name(), len),
                (Ok(_), None) if entry.published.ends_with(".scales") => continue,
                (Ok(dtype), _) => (dtype.name(), entry.shape.iter().product()),
                (Err(other), _) => (other.as_str(), entry.shape.iter().product()),
            };
            sum.parameters += parameters;
            *sum.dtypes.entry(dtype.to_string()).or_default() += parameters;
        }
        sum
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let model_type = self.model_type.as_deref().unwrap_or("unknown");
        writeln!(
            f,
            "model type: {model_type}\nfiles: {}\n",
            self.files.join(", ")
        )?;
        writeln!(
            f,
            "{:<22}{:>8}{:>15}{:>16}  types",
            "tower", "tensors", "parameters", "bytes"
        )?;
        let mut row = |name: &str, sum: &Sum| {
            let dtypes: Vec<&str> = sum.dtypes.keys().map(String::as_str).collect();
            writeln!(
                f,
                "{name:<22}{:>8}{:>15}{:>16}  {}",
                sum.tensors,
                sum.parameters,
                sum.bytes,
                dtypes.join(", ")
            )
        };
        for tower in &self.towers {
            row(tower.name, &tower.sum)?;
        }
        row("all", &self.all)?;
        writeln!(f, "\n{}", problem_count(&self.problems))?;
        for problem in &self.problems {
            writeln!(f, "  {problem}")?;
        }
        Ok(())
    }
}
