//! `pali3 quantize`: a model folder in another form.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::out_folder::{CHOOSE_ANOTHER, bytes, prepare};
use super::output;
use super::progress::Progress;
use crate::checkpoint::{Conversion, SHARD_SIZE};
use crate::compute::device;
use crate::error::{Error, Result};
use crate::files;
use crate::formats::blocks::Effort;
use crate::formats::{DirFolder, ModelFolder, PartDtypes};
use crate::model_folder::write_config;
use crate::models::registry;
use crate::session::folder::{empty_model, open_checkpoint};

/// Options of `pali3 quantize`.
#[derive(Debug, Args)]
pub(super) struct QuantizeArgs {
    /// Model folder to read
    #[arg(long, value_name = "DIR")]
    model: PathBuf,
    /// Form of the matrices: q8, q4, f16 or f32, or one for each part as in vision=q8,text=q4; a part left out stays as it
    /// is
    #[arg(long, value_name = "FORM")]
    dtype: String,
    /// Folder to write; made if need be, and must hold no weights
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Bytes of a shard; K, M or G may follow
    #[arg(long, value_name = "BYTES", default_value_t = SHARD_SIZE.to_string())]
    shard_size: String,
    /// Take GGUF's own 4-bit rounding (Q4_0) instead of searching for each block's best scale
    #[arg(long)]
    fast: bool,
    /// Print one line of JSON instead of text
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    out: String,
    dtypes: PartDtypes,
    bytes_before: u64,
    bytes_after: u64,
}

/// What else belongs to a folder; files that are not there are passed over. Not its self test: other weights, other numbers.
const OTHER_FILES: &[&str] = &[
    "preprocessor_config.json",
    "generation_config.json",
    "tokenizer.json",
];

/// Runs the command.
pub(super) async fn quantize(args: &QuantizeArgs) -> Result<()> {
    let folder = DirFolder::new(&args.model)?;
    let name = "config.json";
    let source = folder.describe(name);
    let text = folder.require(name).await?;
    let config = registry::read_config(&source, &text)?;
    let conversion = Conversion {
        names: config.family().names,
        dtypes: config.dtypes_with("dtype", &args.dtype)?,
        effort: if args.fast {
            Effort::Fast
        } else {
            Effort::Search
        },
        shard_size: bytes("shard_size", &args.shard_size)?,
    };
    prepare(&args.out, CHOOSE_ANOTHER)?;
    let checkpoint = open_checkpoint(&folder, &*config).await?;
    let (dtypes, device) = (&conversion.dtypes, device::for_shapes());
    let slots = empty_model(&*config, &source, &checkpoint, dtypes, &device)?.slots();
    {
        let bar = Progress::bytes("quantizing");
        let mut report = |done: u64, total: u64| bar.set(done, total);
        let out = &args.out;
        checkpoint
            .convert(&folder, &slots, &conversion, out, &mut report)
            .await?;
    }
    for name in OTHER_FILES {
        if let Some(bytes) = folder.read(name).await? {
            files::write(&args.out.join(name), &bytes)?;
        }
    }
    // Last, so that a folder with a configuration is a whole one.
    let written = serde_json::from_slice(&text).map_err(|error| Error::corrupt(&source, error))?;
    write_config(&args.out, written, &conversion.dtypes)?;
    let report = Report {
        out: args.out.display().to_string(),
        dtypes: conversion.dtypes,
        bytes_before: weights_in(&args.model)?,
        bytes_after: weights_in(&args.out)?,
    };
    if args.json {
        return output::json(&report);
    }
    output::text(&format!(
        "{}: {} bytes of weights, {:.3} of the {} before\n",
        report.out,
        report.bytes_after,
        report.bytes_after as f64 / report.bytes_before.max(1) as f64,
        report.bytes_before
    ))
}

fn weights_in(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder).map_err(|error| files::io_error(folder, &error))? {
        let entry = entry.map_err(|error| files::io_error(folder, &error))?;
        if entry.path().extension().is_some_and(|e| e == "safetensors") {
            bytes += entry
                .metadata()
                .map_err(|error| files::io_error(folder, &error))?
                .len();
        }
    }
    Ok(bytes)
}
