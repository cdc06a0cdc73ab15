//! `pali3 random`: a model folder of any named size with random weights, to measure with.

use std::path::PathBuf;

use clap::Args;

use super::out_folder::{CHOOSE_ANOTHER, bytes, prepare};
use super::output;
use super::progress::Progress;
use crate::checkpoint::{SHARD_SIZE, write_random};
use crate::compute::device;
use crate::error::{Error, Result};
use crate::model_folder::write_json_files;
use crate::models::siglip::SiglipVisionConfig;
use crate::models::t5::{T5Config, T5ModelConfig};
use crate::models::{ModelConfig, PRESETS, Pali3Config, Preset, preset};

/// Options of `pali3 random`.
#[derive(Debug, Args)]
pub(super) struct RandomArgs {
    /// Name of the whole model's size
    #[arg(long, value_name = "NAME", conflicts_with_all = ["vision", "text"], required_unless_present = "text")]
    preset: Option<String>,
    /// Name of the vision tower's size; without it the model takes no pictures
    #[arg(long, value_name = "NAME", requires = "text")]
    vision: Option<String>,
    /// Name of the language model's size
    #[arg(long, value_name = "NAME")]
    text: Option<String>,
    /// Form of the matrices: f32, q8 or q4, or one for each part as in vision=q8,text=q4
    #[arg(long, value_name = "FORM", default_value = "q4")]
    dtype: String,
    /// Seed of the weights
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Folder to write; it is made if it does not exist, and refused if it holds weights
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Most bytes of a shard; K, M or G may follow the number
    #[arg(long, value_name = "BYTES", default_value_t = SHARD_SIZE.to_string())]
    shard_size: String,
}

const LANGUAGE_MODEL: &str = "language model";

impl RandomArgs {
    fn config(&self) -> Result<Box<dyn ModelConfig>> {
        if let Some(name) = &self.preset {
            let text = find("preset", name, LANGUAGE_MODEL, Preset::text_config)?;
            let vision = preset(name).and_then(|preset| preset.vision_config());
            return Ok(model(vision, text));
        }
        let Some(name) = &self.text else {
            return Err(Error::option("text", "give the size of the language model"));
        };
        let text = find("text", name, LANGUAGE_MODEL, Preset::text_config)?;
        let vision = self.vision.as_ref();
        let vision = vision.map(|name| find("vision", name, "vision tower", Preset::vision_config));
        Ok(model(vision.transpose()?, text))
    }
}

fn model(vision: Option<SiglipVisionConfig>, text: T5Config) -> Box<dyn ModelConfig> {
    match vision {
        Some(vision) => Box::new(Pali3Config::new(vision, text)),
        None => Box::new(T5ModelConfig::new(text)),
    }
}

/// The part of the size that an option names; `noun` is what the part is called.
fn find<T>(option: &str, name: &str, noun: &str, part: fn(&Preset) -> Option<T>) -> Result<T> {
    let found = preset(name);
    found.as_ref().and_then(part).ok_or_else(|| {
        let with_part = PRESETS.iter().filter(|preset| part(preset).is_some());
        let names: Vec<&str> = with_part.map(|preset| preset.name).collect();
        let problem = match found {
            Some(_) => format!("{name} has no {noun}"),
            None => format!("no size is called {name}"),
        };
        let names = names.join(", ");
        Error::option(option, format!("{problem}; sizes with a {noun}: {names}"))
    })
}

/// Runs the command.
pub(super) fn random(args: &RandomArgs) -> Result<()> {
    let config = args.config()?;
    let dtypes = config.dtypes_with("dtype", &args.dtype)?;
    let shard_size = bytes("shard_size", &args.shard_size)?;
    prepare(&args.out, CHOOSE_ANOTHER)?;
    let slots = config.build(true, &dtypes, &device::for_shapes()).slots();
    {
        let bar = Progress::count("writing");
        let mut report = |done: u64, total: u64| bar.set(done, total);
        write_random(&slots, args.seed, &args.out, shard_size, &mut report)?;
    }
    write_json_files(&args.out, &*config, &dtypes)?;
    let parameters: usize = slots.iter().map(|slot| slot.len()).sum();
    let out = args.out.display();
    output::text(&format!("{out}: {parameters} random parameters\n"))
}
