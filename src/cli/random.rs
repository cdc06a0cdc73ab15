//! `pali3 random`: a model folder of any named size with random weights, to measure with.

use std::path::PathBuf;

use clap::Args;

use super::output;
use super::progress::Progress;
use super::quantize::{bytes, prepare, write};
use crate::config::{Dtype, Pali3Config, PartDtypes, Preset, QuantizationConfig, preset};
use crate::device;
use crate::error::{Error, Result};
use crate::model::Pali3Model;
use crate::train::json_files;
use crate::weights::{Kind, SHARD_SIZE, slots, write_random};

/// Options of `pali3 random`.
#[derive(Debug, Args)]
pub(super) struct RandomArgs {
    /// Size of the whole model, by its name
    #[arg(long, value_name = "NAME", conflicts_with_all = ["vision", "text"], required_unless_present_all = ["vision", "text"])]
    preset: Option<String>,
    /// Size of the vision tower, by its name
    #[arg(long, value_name = "NAME", requires = "text")]
    vision: Option<String>,
    /// Size of the language model, by its name
    #[arg(long, value_name = "NAME", requires = "vision")]
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
    fn config(&self) -> Result<Pali3Config> {
        let find = |option: &str, name: &str| {
            preset(name).ok_or_else(|| Error::option(option, format!("no size is called {name}")))
        };
        let part = |option: &str, name: &Option<String>| {
            let name = name.as_deref().or(self.preset.as_deref());
            find(option, name.unwrap_or_default())
        };
        let lacks = |option: &str, preset: Preset| {
            Error::option(option, format!("{} has no such part", preset.name))
        };
        let vision = part("vision", &self.vision)?;
        let text = part("text", &self.text)?;
        Ok(Pali3Config::new(
            vision
                .vision_config()
                .ok_or_else(|| lacks("vision", vision))?,
            text.text_config().ok_or_else(|| lacks("text", text))?,
        ))
    }
}

/// Runs the command.
pub(super) fn random(args: &RandomArgs) -> Result<()> {
    let mut config = args.config()?;
    let dtypes = PartDtypes::all(Dtype::F32).with("dtype", &args.dtype)?;
    let shard_size = bytes("shard_size", &args.shard_size)?;
    prepare(&args.out)?;
    let model = Pali3Model::new(&config, true, &dtypes, &device::cpu());
    let slots = slots(Kind::Pali3, &model);
    {
        let bar = Progress::count("writing");
        let mut report = |done: u64, total: u64| bar.set(done, total);
        write_random(&slots, args.seed, &args.out, shard_size, &mut report)?;
    }
    if dtypes.any_quantized() {
        config.quantization_config = Some(QuantizationConfig::new(dtypes));
    }
    for (name, text) in json_files(&config)? {
        write(&args.out.join(name), text.as_bytes())?;
    }
    let parameters: usize = slots.iter().map(|slot| slot.len()).sum();
    let out = args.out.display();
    output::text(&format!("{out}: {parameters} random parameters\n"))
}
