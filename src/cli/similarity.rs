//! `pali3 similarity`: which texts fit which pictures.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use serde_json::Value;

use super::output;
use super::progress::Progress;
use super::session::{self, ModelArgs, Timings};
use crate::error::Result;
use crate::models::Capability;

/// Options of `pali3 similarity`.
#[derive(Debug, Args)]
pub(super) struct SimilarityArgs {
    #[command(flatten)]
    model: ModelArgs,
    /// Picture: PNG, JPEG, WebP, GIF or BMP; repeat the option for several
    #[arg(long, value_name = "FILE", required = true)]
    image: Vec<PathBuf>,
    /// Text to compare with each picture; repeat the option for several
    #[arg(long, value_name = "TEXT", required = true, allow_hyphen_values = true)]
    text: Vec<String>,
}

#[derive(Serialize)]
struct Report<'a> {
    pairs: Vec<Pair<'a>>,
    timings_ms: Value,
    device: &'a str,
}

#[derive(Serialize)]
struct Pair<'a> {
    image: String,
    text: &'a str,
    logit: f32,
    probability: f32,
}

/// Runs the command.
pub(super) async fn similarity(args: &SimilarityArgs) -> Result<()> {
    let mut timings = Timings::start();
    let images = session::read_images(&args.image)?;
    let embeds = [Capability::EmbedImages, Capability::EmbedTexts];
    let model = session::load_that(&args.model, &embeds).await?;
    let similarity = model.similarity()?;
    timings.stage("load");
    let spinner = Progress::spinner("encoding pictures and texts");
    let images = model.embed_images(&images).await?;
    timings.stage("image");
    let texts = model.embed_texts(&args.text).await?;
    timings.stage("text");
    drop(spinner);
    let mut pairs = vec![];
    for (file, image) in args.image.iter().zip(&images) {
        for (text, embedding) in args.text.iter().zip(&texts) {
            pairs.push(Pair {
                image: file.display().to_string(),
                text,
                logit: similarity.logit(image, embedding),
                probability: similarity.probability(image, embedding),
            });
        }
    }
    if args.model.json {
        return output::json(&Report {
            pairs,
            timings_ms: timings.finish(),
            device: model.device_kind().name(),
        });
    }
    let lines: String = pairs
        .iter()
        .map(|pair| {
            format!(
                "{:>9.6}  {}  {:?}\n",
                pair.probability, pair.image, pair.text
            )
        })
        .collect();
    output::text(&lines)
}
