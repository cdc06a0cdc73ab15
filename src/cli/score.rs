//! `pali3 score`: how likely the model finds a given answer.

use clap::Args;
use serde::Serialize;
use serde_json::Value;

use super::output;
use super::progress::Progress;
use super::session::{self, ModelArgs, QuestionArgs, Timings};
use crate::error::Result;

/// Options of `pali3 score`.
#[derive(Debug, Args)]
pub(super) struct ScoreArgs {
    #[command(flatten)]
    model: ModelArgs,
    #[command(flatten)]
    question: QuestionArgs,
    /// Answer to score; its closing </s> is scored as well
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    target: String,
}

#[derive(Serialize)]
struct Report<'a> {
    target: &'a str,
    token_ids: Vec<u32>,
    tokens: Vec<String>,
    logprobs: Vec<f32>,
    score: f32,
    visual_tokens: usize,
    timings_ms: Value,
    device: &'a str,
}

/// Runs the command.
pub(super) async fn score(args: &ScoreArgs) -> Result<()> {
    let mut timings = Timings::start();
    let images = args.question.pictures()?;
    let model = session::load_for(&args.model, !images.is_empty()).await?;
    timings.stage("load");
    let images = session::encode_images(&model, &images).await?;
    timings.stage("image");
    let spinner = Progress::spinner("scoring");
    let targets = std::slice::from_ref(&args.target);
    let scored = model.score(&images, &args.question.prompt, targets);
    let Some(scored) = scored.await?.pop() else {
        return Ok(());
    };
    drop(spinner);
    timings.stage("score");
    let tokenizer = model.tokenizer()?;
    let spelling = |id| tokenizer.id_to_token(id).unwrap_or_default();
    let report = Report {
        target: &args.target,
        tokens: scored.token_ids.iter().map(|&id| spelling(id)).collect(),
        token_ids: scored.token_ids,
        logprobs: scored.logprobs,
        score: scored.score,
        visual_tokens: session::visual_tokens(&images),
        timings_ms: timings.finish(),
        device: model.device_kind().name(),
    };
    if args.model.json {
        return output::json(&report);
    }
    let mut lines = String::new();
    for ((logprob, id), token) in report
        .logprobs
        .iter()
        .zip(&report.token_ids)
        .zip(&report.tokens)
    {
        lines.push_str(&format!("{logprob:>12.6}  {id:>6}  {token}\n"));
    }
    lines.push_str(&format!(
        "{:>12.6}  sum of {} tokens\n",
        report.score,
        report.logprobs.len()
    ));
    output::text(&lines)
}
