//! `pali3 random`: a model folder of any named size with random weights, to measure with.

use std::path::PathBuf;

use clap::Args;

use super::output;
use super::progress::Progress;
use super::quantize::{bytes, described, prepare, write};
use crate::checkpoint::{SHARD_SIZE, write_random};
use crate::compute::device;
use crate::error::{Error, Result};
use crate::models::t5::T5ModelConfig;
use crate::models::{ModelConfig, Pali3Config, Preset, preset};
use crate::train::json_files;

/// Options of `pali3 random`.
#[derive(Debug, Args)]
pub(super) struct RandomArgs {
    /// Size of the whole model, by its name
    #[arg(long, value_name = "NAME", conflicts_with_all = ["vision", "text"], required_unless_present = "text")]
    preset: Option<String>,
    /// Size of the vision tower, by its name; left out, the model takes no pictures
    #[arg(long, value_name = "NAME", requires = "text")]
    vision: Option<String>,
    /// Size of the language model, by its name
    #[arg(long, value_name = "NAME")]
    text: Option<String>,
    /// Form of the matrices: f32, q8 or q4, or one for each part as in vision=q8,text=q4
    #[arg(long, value_name = "FORM", default_value = "q4")]
    dtype: String,
    /// Seed of the weights
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Folder to write; made if need be, and must hold no weights
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Bytes of a shard; K, M or G may follow
    #[arg(long, value_name = "BYTES", default_value_t = SHARD_SIZE.to_string())]
    shard_size: String,
}

impl RandomArgs {
    fn config(&self) -> Result<Box<dyn ModelConfig>> {
        let whole = find("preset", self.preset.as_ref())?;
        let lacks = |option: &str, preset: Preset| {
            Error::option(option, format!("{} has no such part", preset.name))
        };
        let text = find("text", self.text.as_ref())?.or(whole);
        let text = text.ok_or_else(|| Error::option("text", "a size is missing"))?;
        let text = text.text_config().ok_or_else(|| lacks("text", text))?;
        let vision = match find("vision", self.vision.as_ref())? {
            Some(vision) => Some(
                vision
                    .vision_config()
                    .ok_or_else(|| lacks("vision", vision))?,
            ),
            None => whole.and_then(|preset| preset.vision_config()),
        };
        Ok(match vision {
            Some(vision) => Box::new(Pali3Config::new(vision, text)),
            None => Box::new(T5ModelConfig::new(text)),
        })
    }
}

/// The size that an option names.
fn find(option: &str, name: Option<&String>) -> Result<Option<Preset>> {
    let known = |name: &String| {
        preset(name).ok_or_else(|| Error::option(option, format!("no size is called {name}")))
    };
    name.map(known).transpose()
}

/// Runs the command.
pub(super) fn random(args: &RandomArgs) -> Result<()> {
    let config = args.config()?;
    let dtypes = config.dtypes_with("dtype", &args.dtype)?;
    let shard_size = bytes("shard_size", &args.shard_size)?;
    prepare(&args.out)?;
    let slots = config.build(true, &dtypes, &device::for_shapes()).slots();
    {
        let bar = Progress::count("writing");
        let mut report = |done: u64, total: u64| bar.set(done, total);
        write_random(&slots, args.seed, &args.out, shard_size, &mut report)?;
    }
    for (name, text) in json_files(&*config)? {
        let text = match name {
            "config.json" => described(name, text.as_bytes(), &dtypes)?,
            _ => text.into_bytes(),
        };
        write(&args.out.join(name), &text)?;
    }
    let parameters: usize = slots.iter().map(|slot| slot.len()).sum();
    let out = args.out.display();
    output::text(&format!("{out}: {parameters} random parameters\n"))
}
